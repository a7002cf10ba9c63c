//! Rooms in SQLite. Words are kept as the wire spells them, times as milliseconds since 1970, ids as their 64 bits.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, Result, Row, Transaction, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::domain::ids::RoomId;
use crate::domain::words::Rules;
use crate::rooms::api::RoomRecord;

/// One step each; `user_version` counts those taken. Steps are never edited, only added.
const MIGRATIONS: [&str; 3] = [
    "
    CREATE TABLE rooms (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        activity TEXT NOT NULL,
        host_token TEXT NOT NULL,
        host_token_hash BLOB NOT NULL,
        max_participants INTEGER NOT NULL,
        locked INTEGER NOT NULL,
        lobby INTEGER NOT NULL,
        layout TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        ended_at INTEGER
    ) STRICT;
    CREATE INDEX rooms_by_host ON rooms (host_token_hash);
    CREATE TABLE invitations (
        code TEXT PRIMARY KEY,
        room INTEGER NOT NULL REFERENCES rooms (id),
        position INTEGER NOT NULL,
        current INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX invitations_by_room ON invitations (room, position);
",
    "
    -- What every room began with, and what it did, is now called `auto`.
    UPDATE rooms SET layout = 'auto' WHERE layout = 'grid';
",
    "
    -- What guests may do, as JSON.
    ALTER TABLE rooms ADD COLUMN rules TEXT NOT NULL DEFAULT '{}';
",
];

pub(super) fn open(path: &Path) -> Result<Connection> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A room's settings are few: each change reaches the disk before it is answered.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    migrate(&mut connection)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection) -> Result<()> {
    let done: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    for (version, sql) in (1u32..).zip(MIGRATIONS).filter(|(version, _)| *version > done) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}

pub(super) fn rooms(connection: &Connection) -> Result<Vec<RoomRecord>> {
    let mut query = connection.prepare_cached("SELECT * FROM rooms WHERE ended_at IS NULL ORDER BY created_at, id")?;
    let mut rooms = query.query_map([], room)?.collect::<Result<Vec<_>>>()?;
    let mut codes =
        connection.prepare_cached("SELECT code, current FROM invitations WHERE room = ?1 ORDER BY position")?;
    for room in &mut rooms {
        for row in codes.query_map([bits(room.id)], |row| Ok((row.get(0)?, row.get(1)?)))? {
            match row? {
                (code, true) => room.invitation = code,
                (code, false) => room.old_invitations.push(code),
            }
        }
    }
    Ok(rooms)
}

pub(super) fn count(connection: &Connection) -> Result<u32> {
    connection.query_row("SELECT count(*) FROM rooms WHERE ended_at IS NULL", [], |row| row.get(0))
}

pub(super) fn save(connection: &mut Connection, room: &RoomRecord) -> Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute(
        "INSERT OR IGNORE INTO rooms VALUES (?1, '', '\"work\"', '', x'', 0, 0, 0, '\"grid\"', 0, NULL, '{}')",
        [bits(room.id)],
    )?;
    transaction.execute(
        "UPDATE rooms SET name = ?2, activity = ?3, host_token = ?4, host_token_hash = ?5, max_participants = ?6,
         locked = ?7, lobby = ?8, layout = ?9, created_at = ?10, rules = ?11 WHERE id = ?1",
        params![
            bits(room.id),
            room.name,
            word(&room.activity)?,
            room.host_token,
            hash(&room.host_token),
            room.max_participants,
            room.locked,
            room.lobby,
            word(&room.layout)?,
            milliseconds(room.created_at),
            serde_json::to_string(&room.rules).unwrap_or_default(),
        ],
    )?;
    save_invitations(&transaction, room)?;
    transaction.commit()
}

fn save_invitations(transaction: &Transaction<'_>, room: &RoomRecord) -> Result<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO invitations VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (code) DO UPDATE SET position = excluded.position, current = excluded.current",
    )?;
    for (position, code) in (0u32..).zip(room.old_invitations.iter().chain([&room.invitation])) {
        insert.execute(params![code, bits(room.id), position, *code == room.invitation])?;
    }
    Ok(())
}

/// What is left of an ended room: its id, its codes (they answer 410) and whose its recordings are.
pub(super) fn end(connection: &mut Connection, room: &RoomRecord) -> Result<()> {
    save(connection, room)?;
    connection.execute(
        "UPDATE rooms SET ended_at = ?2, name = '', host_token = '' WHERE id = ?1",
        params![bits(room.id), milliseconds(SystemTime::now())],
    )?;
    Ok(())
}

pub(super) fn ended(connection: &Connection, invitation_or_id: &str) -> Result<bool> {
    let id = invitation_or_id.parse().ok().map(bits);
    let mut query = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM rooms WHERE ended_at IS NOT NULL
         AND (id = ?1 OR id = (SELECT room FROM invitations WHERE code = ?2)))",
    )?;
    query.query_row(params![id, invitation_or_id], |row| row.get(0))
}

/// Looked up by hash, so the time it takes tells nothing about the token.
pub(super) fn room_of_host(connection: &Connection, token: &str) -> Result<Option<RoomId>> {
    let mut query = connection.prepare_cached("SELECT id FROM rooms WHERE host_token_hash = ?1")?;
    query.query_row([hash(token)], |row| row.get(0).map(room_id)).optional()
}

fn room(row: &Row<'_>) -> Result<RoomRecord> {
    let milliseconds: i64 = row.get("created_at")?;
    Ok(RoomRecord {
        id: room_id(row.get("id")?),
        name: row.get("name")?,
        activity: read_word(row, "activity")?,
        invitation: String::new(),
        old_invitations: Vec::new(),
        host_token: row.get("host_token")?,
        max_participants: row.get("max_participants")?,
        locked: row.get("locked")?,
        lobby: row.get("lobby")?,
        layout: read_word(row, "layout")?,
        rules: rules(&row.get::<_, String>("rules")?),
        created_at: UNIX_EPOCH + Duration::from_millis(milliseconds.unsigned_abs()),
    })
}

/// Of a newer version's rules, which this one does not know, those of a new room are the nearest.
fn rules(text: &str) -> Rules {
    serde_json::from_str(text).unwrap_or_default()
}

/// SQLite's integers have a sign; the bits are what counts.
fn bits(id: RoomId) -> i64 {
    i64::from_ne_bytes(id.0.to_ne_bytes())
}

fn room_id(bits: i64) -> RoomId {
    RoomId(u64::from_ne_bytes(bits.to_ne_bytes()))
}

fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token).to_vec()
}

fn milliseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn word<T: Serialize>(word: &T) -> Result<String> {
    serde_json::to_string(word).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

fn read_word<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, error.into()))
}
