//! What a machine is told by its control socket.

use crate::ending::{Reason, Verdict};
use ::vgic::script;
use machine::{GicConfig, Pauser, Saver};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;

/// Each command: its name, and what it does.
const COMMANDS: &[(&str, Command)] = &[
    ("status", |it, _| Ok(it.status())),
    ("pause", |it, _| it.pause()),
    ("resume", |it, _| it.resume()),
    ("save", |it, arguments| it.save(arguments)),
    ("stop", |it, _| it.stop()),
    ("vgic-script", |it, arguments| it.vgic_script(arguments)),
];

type Command = fn(&mut Commands, &Value) -> Answer;
type Answer = Result<Value, String>;

pub struct Commands {
    saver: Saver,
    pauser: Pauser,
    verdict: Verdict,
}

impl Commands {
    pub fn new(saver: Saver, verdict: Verdict) -> Commands {
        Commands { pauser: saver.pauser(), saver, verdict }
    }

    /// Does what `request` asks for; or says in a sentence why it does not.
    pub fn perform(&mut self, request: &Value) -> Answer {
        let names = || COMMANDS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let Some(name) = request.get("execute").and_then(Value::as_str) else {
            return Err(format!("a request is an object whose `execute` is one of {}", names()));
        };
        let known = COMMANDS.iter().find(|(known, _)| *known == name);
        let Some((_, command)) = known else {
            return Err(format!("there is no command `{name}`: give one of {}", names()));
        };
        command(self, request.get("arguments").unwrap_or(&Value::Null))
    }

    fn status(&self) -> Value {
        let (paused, on) = self.pauser.status();
        let status = match (paused, on) {
            (true, _) => "paused",
            // The process is about to end.
            (false, 0) => "ended",
            (false, _) => "running",
        };
        json!({ "status": status, "cpus-on": on })
    }

    fn pause(&mut self) -> Answer {
        if self.pauser.pause() { Ok(json!({})) } else { Err("the run is ending: nothing is paused".to_owned()) }
    }

    fn resume(&mut self) -> Answer {
        self.pauser.resume();
        Ok(json!({}))
    }

    /// The machine goes on, unless it was paused before.
    fn save(&mut self, arguments: &Value) -> Answer {
        let file = arguments.get("file").and_then(Value::as_str);
        let file = Path::new(file.ok_or("`save` needs the argument `file`, a path")?);
        let start = Instant::now();
        let (paused, _) = self.pauser.status();
        let saved = if paused { self.saver.save_held(file) } else { self.saver.save(file) };
        let bytes = saved.map_err(|cause| format!("cannot save to {cause}"))?;
        Ok(json!({ "ram-bytes": bytes, "seconds": start.elapsed().as_secs_f64() }))
    }

    /// Attribute calls on the GIC it runs with.
    fn vgic_script(&self, arguments: &Value) -> Answer {
        let text = |name: &str| arguments.get(name).and_then(Value::as_str);
        let script = text("script").ok_or("`vgic-script` needs the argument `script`, its text")?;
        let GicConfig { vm, vgic, its } = self.saver.gic_config();
        let devices = [("vgic".to_owned(), vgic), ("its".to_owned(), its)];
        let outcome = script::run_on(script, text("name").unwrap_or("script"), vm, devices);
        Ok(json!({ "outcome": outcome.to_string(), "ended": crate::vgic::ended(&outcome) }))
    }

    /// As Ctrl-A x does.
    fn stop(&mut self) -> Answer {
        self.verdict.decide(Reason::UserQuit);
        Ok(json!({}))
    }
}
