use super::*;

const SPEAKER: Priority = Priority::Speaker;
const OTHER: Priority = Priority::Other;
const NO_TIDS: [[Option<f64>; TIDS - 1]; LAYERS] = [[None; TIDS - 1]; LAYERS];

fn layers(levels: &[Level]) -> Vec<u8> {
    levels.iter().map(|level| level.layers()).collect()
}

/// How many layers each slot gets from nothing.
fn share(budget: f64, demands: &[Demand]) -> Vec<u8> {
    layers(&super::share(budget, demands, &[]))
}

fn picture(priority: Priority) -> Demand {
    Demand { priority, layers: [Some(150e3), Some(500e3), Some(1200e3), None], thinned: NO_TIDS }
}

fn voice() -> Demand {
    Demand { priority: Priority::Voice, layers: [Some(50e3), None, None, None], thinned: NO_TIDS }
}

struct Viewer {
    allocator: Allocator,
    demands: Vec<Demand>,
    now: Instant,
}

impl Viewer {
    fn new(demands: &[Demand], estimate: f64) -> Viewer {
        let (allocator, now) = (Allocator::default(), Instant::now());
        let mut viewer = Viewer { allocator, demands: demands.to_vec(), now };
        viewer.decide(estimate);
        viewer
    }

    /// What is allowed a quarter of a second later.
    fn decide(&mut self, estimate: f64) -> Vec<u8> {
        self.now += Duration::from_millis(250);
        let needs = self.allocator.allocate(self.now, estimate, &self.demands, None);
        assert!(needs.allowed <= needs.wanted && needs.least <= needs.wanted);
        layers(self.allocator.allowed())
    }

    fn after(&mut self, seconds: u32, estimate: f64) -> Vec<u8> {
        (0..4 * seconds).map(|_| self.decide(estimate)).last().unwrap()
    }
}

#[test]
fn voices_first_then_everybodys_lowest_then_better_ones_by_rank() {
    let demands = [picture(OTHER), picture(Priority::Featured), picture(SPEAKER), voice()];
    let shared = |budget| share(budget, &demands);
    assert_eq!(shared(10e3), [0, 0, 0, 4], "a voice is never held back");
    assert_eq!(shared(210e3), [0, 1, 0, 4]);
    assert_eq!(shared(350e3), [0, 1, 1, 4]);
    assert_eq!(shared(500e3), [1, 1, 1, 4]);
    assert_eq!(shared(900e3), [1, 2, 1, 4]);
    assert_eq!(shared(1600e3), [1, 4, 1, 4]);
    assert_eq!(shared(1900e3), [1, 4, 2, 4]);
    assert_eq!(shared(4e6), [4, 4, 4, 4]);
}

#[test]
fn equals_rise_together() {
    let demands = [picture(OTHER), picture(OTHER), picture(OTHER)];
    assert_eq!(share(1550e3, &demands), [2, 2, 2]);
    assert_eq!(share(2300e3, &demands), [4, 2, 2]);
}

#[test]
fn what_is_not_sent_is_not_held_back_and_costs_nothing() {
    let still = Demand { priority: OTHER, layers: [None; LAYERS], thinned: NO_TIDS };
    let only_high = Demand { priority: OTHER, layers: [None, Some(500e3), None, None], thinned: NO_TIDS };
    assert_eq!(share(600e3, &[still, only_high, picture(OTHER)]), [4, 4, 0]);
}

#[test]
fn down_at_once_up_after_a_while_a_step_at_a_time() {
    let mut viewer = Viewer::new(&[picture(OTHER), picture(OTHER)], 3e6);
    assert_eq!(viewer.decide(3e6), [4, 4]);
    assert_eq!(viewer.decide(400e3), [1, 1]);
    assert_eq!(viewer.decide(3e6), [1, 1]);
    let steps: Vec<_> = (0..12).map(|_| viewer.decide(3e6)).collect();
    assert_eq!(steps.last().unwrap(), &[4, 4]);
    let changed = |pair: &[Vec<u8>]| pair[0].iter().zip(&pair[1]).filter(|(a, b)| a != b).count();
    assert!(steps.windows(2).all(|pair| changed(pair) <= 1), "{steps:?}");
}

#[test]
fn a_little_noise_changes_nothing() {
    let mut viewer = Viewer::new(&[picture(OTHER), picture(OTHER)], 700e3);
    assert_eq!(viewer.after(2, 700e3), [2, 1]);
    for step in 0..200 {
        assert_eq!(viewer.decide([655e3, 860e3, 700e3][step % 3]), [2, 1], "step {step}");
    }
}

#[test]
fn a_step_that_was_taken_back_is_tried_later_each_time() {
    let mut viewer = Viewer::new(&[picture(OTHER)], 300e3);
    let mut waits = Vec::new();
    for _ in 0..5 {
        let mut steps = 0;
        while viewer.decide(600e3) == [1] {
            steps += 1;
            assert!(steps < 200);
        }
        waits.push(steps);
        assert_eq!(viewer.decide(300e3), [1]);
    }
    assert!(waits.windows(2).all(|pair| pair[1] > pair[0]), "{waits:?}");
    assert_eq!(viewer.after(40, 300e3), [1]);
    assert_eq!(viewer.after(2, 600e3), [2], "forgiven");
}

#[test]
fn another_wish_is_heard_at_once() {
    let mut viewer = Viewer::new(&[picture(OTHER), picture(OTHER)], 850e3);
    assert_eq!(viewer.after(2, 850e3), [2, 1]);
    viewer.demands[1].priority = Priority::Featured;
    viewer.allocator.allocate(viewer.now, 850e3, &viewer.demands, Some(1));
    assert_eq!(layers(viewer.allocator.allowed()), [1, 2]);
    viewer.allocator.allocate(viewer.now, 3e6, &viewer.demands, Some(1));
    assert_eq!(layers(viewer.allocator.allowed()), [1, 4], "the others wait as ever");
}

/// The picture with three temporal layers: 40, 20 and 40 % of the bits.
fn thinnable(priority: Priority) -> Demand {
    let whole = picture(priority);
    let thinned = whole.layers.map(|rate| [rate.map(|rate| 0.4 * rate), rate.map(|rate| 0.6 * rate), None]);
    Demand { thinned, ..whole }
}

fn levels(levels: &[Level]) -> Vec<(u8, u8)> {
    levels.iter().map(|level| (level.layers(), level.temporal())).collect()
}

#[test]
fn a_lowest_layer_that_does_not_fit_is_thinned_before_it_is_left_out() {
    let demands = [thinnable(OTHER), thinnable(SPEAKER)];
    let shared = |budget| levels(&super::share(budget, &demands, &[]));
    assert_eq!(shared(70e3)[0].0, 0);
    assert_eq!(shared(70e3)[1], (1, 0));
    assert_eq!(shared(130e3), [(1, 0), (1, 0)], "a picture for everybody first");
    assert_eq!(shared(160e3), [(1, 0), (1, 1)]);
    assert_eq!(shared(220e3), [(1, 0), (1, 3)]);
    assert_eq!(shared(300e3), [(1, 3), (1, 3)]);
    assert_eq!(shared(500e3), [(1, 3), (1, 3)], "nobody is raised to a thinned layer");
    assert_eq!(shared(650e3), [(1, 3), (2, 3)]);
}

#[test]
fn a_better_layer_is_thinned_before_it_is_taken_away_and_filled_again() {
    let mut viewer = Viewer::new(&[thinnable(SPEAKER)], 600e3);
    let mut decide = |estimate| {
        viewer.decide(estimate);
        levels(viewer.allocator.allowed())[0]
    };
    assert_eq!(decide(600e3), (2, 3));
    assert_eq!(decide(400e3), (2, 1), "without the uppermost of three");
    assert_eq!(decide(290e3), (1, 3), "and no thinner than that");
    let back: Vec<_> = (0..8).map(|_| decide(600e3)).collect();
    assert!(back.iter().all(|level| [(1, 3), (2, 3)].contains(level)), "{back:?}");
    assert_eq!(back.last(), Some(&(2, 3)));
    assert_eq!(decide(400e3), (2, 1));
    let long: Vec<_> = (0..12).map(|_| decide(420e3)).collect();
    assert!(long.iter().all(|&level| level == (2, 1)), "it stays as long as it must: {long:?}");
    let back: Vec<_> = (0..40).map(|_| decide(600e3)).collect();
    assert_eq!(back.last(), Some(&(2, 3)), "{back:?}");
}

#[test]
fn the_layer_above_the_line_is_not_paid_for_when_temporal_layers_vanish() {
    let (thin, whole) = (thinnable(OTHER), picture(OTHER));
    assert_eq!(thin.cost(Level::new(1, 1)), 300e3);
    assert_eq!(whole.cost(Level::new(1, 1)), 500e3, "all its frames are sent then");
    assert_eq!(whole.cost(Level::ALL), 1200e3);
}
