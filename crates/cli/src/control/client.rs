//! The other end of a control socket.

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Asks the machine that listens on `socket`; what it returns.
pub fn request(socket: &Path, command: &str, arguments: &Value) -> Result<Value> {
    let there = || format!("no machine answers on {}", socket.display());
    let mut connection = UnixStream::connect(socket).with_context(there)?;
    let text = format!("{}\n", json!({ "execute": command, "arguments": arguments }));
    connection.write_all(text.as_bytes()).with_context(there)?;
    let mut line = String::new();
    BufReader::new(&connection).read_line(&mut line).with_context(there)?;
    if line.is_empty() {
        bail!("the machine on {} ended before it answered", socket.display());
    }
    let mut answer: Value =
        serde_json::from_str(&line).with_context(|| format!("{} is no machine's", socket.display()))?;
    match answer.pointer("/error/desc").and_then(Value::as_str) {
        Some(desc) => Err(anyhow!("{desc}")),
        None => Ok(answer["return"].take()),
    }
}
