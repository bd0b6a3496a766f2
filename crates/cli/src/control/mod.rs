//! `--control SOCKET`: a running machine listens on a Unix socket, for its user's tools.
//!
//! Lines of JSON, as QEMU's monitor has them: `{"execute": "save", "arguments": {"file": "/tmp/it"}}` is answered by
//! `{"return": {…}}` or `{"error": {"class": "GenericError", "desc": "a sentence"}}`, with the request's `id` if it had
//! one. Each connection has a thread; who is first with a command has the machine until it is done.

mod client;
mod commands;

pub use client::request;

use anyhow::{Context, Result, bail};
use commands::Commands;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::ending::Verdict;
use machine::Saver;

/// Bytes of a request: more is not one.
const LONGEST: u64 = 64 << 10;

/// A socket that is listened on. Dropped, its name is gone.
pub struct Server(PathBuf);

impl Drop for Server {
    fn drop(&mut self) {
        _ = std::fs::remove_file(&self.0);
    }
}

/// Takes the name, before a machine is made.
pub fn listen(path: &Path) -> Result<(Server, UnixListener)> {
    let listener = UnixListener::bind(path).or_else(|cause| match cause.kind() {
        // A name that nobody answers to is left from a process that was killed.
        std::io::ErrorKind::AddrInUse if UnixStream::connect(path).is_err() && is_socket(path) => {
            std::fs::remove_file(path)?;
            UnixListener::bind(path)
        }
        _ => Err(cause),
    });
    let listener = listener.with_context(|| format!("cannot listen on --control {}", path.display()))?;
    Ok((Server(path.to_owned()), listener))
}

fn is_socket(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::symlink_metadata(path).is_ok_and(|it| it.file_type().is_socket())
}

/// Answers whoever connects, as long as the process lives.
pub fn serve(listener: UnixListener, saver: Saver, verdict: Verdict) -> Result<()> {
    let commands = Arc::new(Mutex::new(Commands::new(saver, verdict)));
    let accept = move || {
        for connection in listener.incoming().flatten() {
            let commands = commands.clone();
            // Who gets no thread finds the connection closed.
            _ = thread::Builder::new().name("control".into()).spawn(move || converse(&connection, &commands));
        }
    };
    let thread = thread::Builder::new().name("control".into()).spawn(accept);
    if let Err(cause) = thread {
        bail!("cannot start a thread for --control: {cause}");
    }
    Ok(())
}

fn converse(connection: &UnixStream, commands: &Mutex<Commands>) {
    let (mut requests, mut answers) = (BufReader::new(connection), connection);
    loop {
        let mut line = Vec::new();
        let read = (&mut requests).take(LONGEST).read_until(b'\n', &mut line);
        if !read.is_ok_and(|bytes| bytes > 0) {
            return;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let mut text = answer(&line, commands).to_string();
        text.push('\n');
        if answers.write_all(text.as_bytes()).is_err() || line.last() != Some(&b'\n') {
            return;
        }
    }
}

fn answer(line: &[u8], commands: &Mutex<Commands>) -> Value {
    let request: Value = match serde_json::from_slice(line) {
        Ok(request) => request,
        Err(cause) => return error(&format!("a request is a line of JSON: {cause}")),
    };
    let mut commands = commands.lock().unwrap_or_else(PoisonError::into_inner);
    let mut answer = match commands.perform(&request) {
        Ok(value) => json!({ "return": value }),
        Err(cause) => error(&cause),
    };
    if let Some(id) = request.get("id") {
        answer["id"] = id.clone();
    }
    answer
}

fn error(desc: &str) -> Value {
    json!({ "error": { "class": "GenericError", "desc": desc } })
}
