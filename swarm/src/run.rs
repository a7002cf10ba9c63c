//! The run itself: join, settle, measure, churn, leave.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};

use crate::cli::{Cli, Target};
use crate::clip::Clip;
use crate::connection::Happening;
use crate::door::{Line, Place, Role, Room};
use crate::engine::Engine;
use crate::janus::JanusRoom;
use crate::process::{self, Usage};
use crate::report::{Churn, Report, Spread};
use crate::veranda::VerandaRoom;

/// Lines are read this often.
const PUMP_EVERY: Duration = Duration::from_millis(100);
/// A connection, and a visitor's picture, are waited for at most this long.
const PICTURE_WITHIN: Duration = Duration::from_secs(10);
/// After the churn, for the server to put everything away.
const CALM: Duration = Duration::from_secs(10);

/// A run under way.
struct Run {
    cli: Cli,
    room: Arc<dyn Room>,
    /// Keeps a room that ends with its maker.
    _maker: Option<Box<dyn Line>>,
    clip: Option<Arc<Clip>>,
    place: Place,
    happenings: Receiver<(u16, Happening)>,
    lines: HashMap<u16, Box<dyn Line>>,
    connected: Vec<Duration>,
    pictured: Vec<Duration>,
    report: Report,
}

/// Does all that was asked for.
pub(crate) fn run(cli: Cli) -> Result<Report> {
    let before = usage(&cli)?;
    let mut run = Run::prepare(cli)?;
    run.join_all();
    ensure!(run.report.joined > 0, "nobody could join: {}", run.report.problems.join("; "));
    run.watch_all()?;
    run.measure(before)?;
    if run.cli.churn > 0 {
        run.report.churn = Some(run.churn()?);
    }
    run.leave_all();
    Ok(run.report)
}

fn usage(cli: &Cli) -> Result<Option<Usage>> {
    cli.server_pid.map(Usage::of).transpose()
}

impl Run {
    fn prepare(cli: Cli) -> Result<Self> {
        let clip = if cli.idle { None } else { Some(Clip::load(cli.simulcast)?) };
        let (room, maker): (Arc<dyn Room>, _) = match cli.target {
            Target::Veranda => (Arc::new(veranda(&cli)?), None),
            Target::Janus => {
                ensure!(!cli.simulcast && cli.churn == 0, "Janus is driven without --simulcast and --churn");
                let (room, maker) = JanusRoom::make(&cli.server)?;
                (Arc::new(room), Some(maker))
            }
        };
        let (told, happenings) = channel();
        let place = Place { engine: Arc::new(Engine::start(cli.threads)?), told };
        Ok(Self {
            cli,
            room,
            _maker: maker,
            clip,
            place,
            happenings,
            lines: HashMap::new(),
            connected: Vec::new(),
            pictured: Vec::new(),
            report: Report::default(),
        })
    }

    fn role(&self, person: u16) -> Role {
        Role {
            clip: self.clip.clone(),
            simulcast: self.cli.simulcast,
            talks: (person < self.cli.talkers).then_some(person as u8),
            audio_slots: self.cli.audio_slots,
            video_slots: self.cli.video_slots,
        }
    }

    /// Everybody comes at their time, however long others take at the door.
    fn join_all(&mut self) {
        let start = Instant::now();
        let mut joining = Vec::new();
        for person in 0..self.cli.people {
            self.wait_until(start + Duration::from_secs_f64(f64::from(person) / self.cli.joins_per_second));
            let (room, role, place) = (self.room.clone(), self.role(person), self.place.clone());
            joining.push((person, thread::spawn(move || room.join(person, &role, &place))));
        }
        for (person, thread) in joining {
            match thread.join().unwrap_or_else(|_| Err(anyhow!("its thread panicked"))) {
                Ok(line) => drop(self.lines.insert(person, line)),
                Err(error) => self.report.problems.push(format!("person {person}: {error:#}")),
            }
        }
        self.report.people = u64::from(self.cli.people);
        self.report.joined = self.lines.len() as u64;
        self.report.joining_seconds = start.elapsed().as_secs_f64();
        self.report.joins_per_second = self.report.joined as f64 / self.report.joining_seconds;
    }

    /// Waits until everybody is connected; then starts watching, where that is a step of its own.
    fn watch_all(&mut self) -> Result<()> {
        let until = Instant::now() + PICTURE_WITHIN;
        while self.connected.len() < self.lines.len() && Instant::now() < until {
            self.wait_until(Instant::now() + PUMP_EVERY);
        }
        for person in 0..self.cli.people {
            let role = self.role(person);
            if let Some(line) = self.lines.get_mut(&person) {
                self.room.watch(person, line.as_mut(), &role, &self.place)?;
            }
        }
        Ok(())
    }

    fn measure(&mut self, before: Option<Usage>) -> Result<()> {
        self.wait_until(Instant::now() + Duration::from_secs_f64(self.cli.settle));
        let (own, all) = (Usage::of(std::process::id())?, process::busy()?);
        let usage_at_start = usage(&self.cli)?;
        self.place.engine.collect()?;
        let dropped = process::drops(std::process::id());
        let start = Instant::now();
        self.wait_until(start + Duration::from_secs_f64(self.cli.seconds));
        let seen = self.place.engine.collect()?;
        let seconds = start.elapsed().as_secs_f64();
        let usage_at_end = usage(&self.cli)?;
        self.report.dropped(&seen.ports, &dropped, &process::drops(std::process::id()));
        self.report.saw(seen, seconds);
        if let (Some(before), Some(start), Some(end)) = (before, usage_at_start, usage_at_end) {
            self.report.used([before, start, end]);
        }
        let percent = |cpu: u64| cpu as f64 / seconds / 10_000.0;
        self.report.swarm_cpu_percent = percent(Usage::of(std::process::id())?.cpu - own.cpu);
        let server = self.report.server.map_or(0.0, |server| server.cpu_percent);
        let all = percent(process::busy()?.saturating_sub(all));
        self.report.others_cpu_percent = (all - server - self.report.swarm_cpu_percent).max(0.0);
        self.report.connected = Spread::of_times(&self.connected);
        self.report.first_picture = Spread::of_times(&self.pictured);
        Ok(())
    }

    /// Meanwhile lines are read and happenings noted.
    fn wait_until(&mut self, until: Instant) {
        loop {
            let problems = &mut self.report.problems;
            self.lines.retain(|person, line| match line.pump() {
                Ok(()) => true,
                Err(error) => {
                    problems.push(format!("person {person}: {error:#}"));
                    false
                }
            });
            for (person, happening) in self.happenings.try_iter() {
                match happening {
                    Happening::Connected(after) => self.connected.push(after),
                    Happening::FirstPicture(after) => self.pictured.push(after),
                    Happening::Failed(why) => problems.push(format!("person {person}: the connection ended: {why}")),
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(PUMP_EVERY));
        }
    }

    /// Visitors come and go, some at a time, while the others stay.
    fn churn(&mut self) -> Result<Churn> {
        let before = usage(&self.cli)?;
        let start = Instant::now();
        let next = Arc::new(AtomicU16::new(0));
        let visits = u16::try_from(self.cli.churn).context("at most 65,535 visits")?;
        let visitors: Vec<_> = (0..self.cli.churn_at_once.max(1))
            .map(|_| {
                let (room, role, engine) = (self.room.clone(), self.role(u16::MAX), self.place.engine.clone());
                let (next, first) = (next.clone(), self.cli.people);
                thread::spawn(move || {
                    let mut outcomes = Vec::new();
                    while next.load(Ordering::Relaxed) < visits {
                        let nth = next.fetch_add(1, Ordering::Relaxed);
                        if nth < visits {
                            outcomes.push(visit(first.wrapping_add(nth), &*room, &role, &engine));
                        }
                    }
                    outcomes
                })
            })
            .collect();
        while !visitors.iter().all(thread::JoinHandle::is_finished) {
            self.wait_until(Instant::now() + PUMP_EVERY);
        }
        let outcomes = visitors.into_iter().flat_map(|visitor| visitor.join().unwrap_or_default());
        let (pictures, problems): (Vec<_>, Vec<_>) = outcomes.partition(Result::is_ok);
        let pictures: Vec<_> = pictures.into_iter().flatten().collect();
        let visits_per_second = pictures.len() as f64 / start.elapsed().as_secs_f64();
        self.wait_until(Instant::now() + CALM);
        Ok(Churn {
            visits: pictures.len() as u64,
            problems: problems.into_iter().filter_map(Result::err).map(|error| format!("{error:#}")).collect(),
            visits_per_second,
            first_picture: Spread::of_times(&pictures),
            before,
            after: usage(&self.cli)?,
        })
    }

    fn leave_all(&mut self) {
        for (person, mut line) in self.lines.drain() {
            // Its thread ended: then there is nothing to close.
            let _ = self.place.engine.remove(person);
            line.leave();
        }
    }
}

/// Joins, waits for a picture, leaves; how long the picture took.
fn visit(person: u16, room: &dyn Room, role: &Role, engine: &Arc<Engine>) -> Result<Duration> {
    let (told, happenings) = channel();
    let mut line = room.join(person, role, &Place { engine: engine.clone(), told })?;
    let until = Instant::now() + PICTURE_WITHIN;
    let outcome = loop {
        match happenings.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok((_, Happening::FirstPicture(after))) => break Ok(after),
            Ok((_, Happening::Connected(_))) => {}
            Ok((_, Happening::Failed(why))) => break Err(anyhow!("visitor {person}: the connection ended: {why}")),
            Err(_) => break Err(anyhow!("visitor {person}: no picture in {} s", PICTURE_WITHIN.as_secs())),
        }
    };
    engine.remove(person)?;
    line.leave();
    outcome
}

fn veranda(cli: &Cli) -> Result<VerandaRoom> {
    let server = cli.server.trim_end_matches('/');
    let room = match &cli.room {
        Some(invitation) => VerandaRoom::existing(server, invitation),
        None => VerandaRoom::make(server)?,
    };
    eprintln!("room {}", room.url());
    Ok(room)
}
