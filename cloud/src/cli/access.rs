// SPDX-License-Identifier: MIT OR Apache-2.0
//! `otakit-cloud password`, `token` and `audit`.

use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::client::Server;
use super::{Data, no_server, print};
use crate::Failure;
use crate::access::api::MadeToken;
use crate::access::password;
use crate::access::scope::{Scope, Scopes};
use crate::data::access::{Audited, Token};

/// Where the password comes from.
#[derive(Debug, Args)]
pub struct Password {
    #[command(flatten)]
    data: Data,
    /// Read it from the first line of this file instead
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token for a program; it is printed once and not kept
    Create {
        #[command(flatten)]
        data: Data,
        /// What it is for
        name: String,
        /// What it allows
        #[arg(long, value_enum, value_delimiter = ',', required = true)]
        scope: Vec<Scope>,
        /// Days until it ends; it does not, by default
        #[arg(long)]
        days: Option<u32>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List tokens
    List {
        #[command(flatten)]
        data: Data,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// End a token
    Revoke {
        #[command(flatten)]
        data: Data,
        /// Its number in the list
        id: i64,
    },
}

/// Which part of the audit log.
#[derive(Debug, Args)]
pub struct Audit {
    #[command(flatten)]
    data: Data,
    /// How many lines, the newest ones
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1000))]
    limit: i64,
    /// Only lines before this one
    #[arg(long, value_name = "ID")]
    before: Option<i64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The first line of a password file.
pub fn read_password(path: &std::path::Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(path).map_err(|e| Failure::io("read", path, &e))?;
    text.lines().next().map(str::to_owned).ok_or_else(|| Failure::new(format!("{} is empty", path.display())))
}

/// Sets the password.
pub fn password(options: &Password) -> Result<(), Failure> {
    let new = match &options.password_file {
        Some(path) => read_password(path)?,
        None => ask()?,
    };
    if let Some(server) = Server::of(&options.data)? {
        server.post("/api/password", &json!({ "password": new }))?;
    } else {
        let (store, _lock) = options.data.store()?;
        password::set(&store, &new)?;
    }
    say!("the password is set; everybody who was signed in is signed out");
    Ok(())
}

fn ask() -> Result<String, Failure> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        return line();
    }
    let failed = |e: rustix::io::Errno| Failure::new(format!("the terminal cannot be set up: {e}"));
    let before = tcgetattr(&input).map_err(failed)?;
    let mut quiet = before.clone();
    quiet.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&input, OptionalActions::Flush, &quiet).map_err(failed)?;
    let asked = prompt("New password: ").and_then(|first| Ok((first, prompt("Again: ")?)));
    tcsetattr(&input, OptionalActions::Flush, &before).map_err(failed)?;
    match asked? {
        (first, second) if first == second => Ok(first),
        _ => Err(Failure::new("the two are not the same")),
    }
}

fn prompt(text: &str) -> Result<String, Failure> {
    eprint!("{text}");
    // Without a standard error there is nobody to ask.
    let _ = std::io::stderr().flush();
    let answer = line();
    eprintln!();
    answer
}

fn line() -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().lock().read_line(&mut text);
    read.map_err(|e| Failure::new(format!("cannot read the password: {e}")))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Carries out `token`.
pub fn token(command: TokenCommand) -> Result<(), Failure> {
    match command {
        TokenCommand::Create { data, name, scope, days, json } => {
            let order = json!({ "name": name, "scopes": Scopes::new(&scope), "days": days });
            let answer = server(&data)?.post("/api/tokens", &order)?;
            let made: MadeToken = typed(answer.clone())?;
            if json {
                return print(&answer);
            }
            say!("{}", made.token);
            eprintln!(
                "token {} {:?}: {}; it is not shown again",
                made.about.id, made.about.name, made.about.scopes
            );
        }
        TokenCommand::List { data, json } => {
            let answer = match Server::of(&data)? {
                Some(server) => server.get("/api/tokens")?,
                None => to_value(data.store()?.0.tokens()?)?,
            };
            if json {
                return print(&answer);
            }
            for token in typed::<Vec<Token>>(answer)? {
                let (until, used) = (token.expires_at.as_deref(), token.used_at.as_deref());
                say!(
                    "{} {:?} {} until {} used {}",
                    token.id,
                    token.name,
                    token.scopes,
                    until.unwrap_or("revoked"),
                    used.unwrap_or("never")
                );
            }
        }
        TokenCommand::Revoke { data, id } => {
            if let Some(server) = Server::of(&data)? {
                server.delete(&format!("/api/tokens/{id}"))?;
            } else if !data.store()?.0.delete_token(id)? {
                return Err(Failure::new(format!("there is no token {id}")));
            }
            say!("revoked token {id}");
        }
    }
    Ok(())
}

/// Carries out `audit`.
pub fn audit(options: &Audit) -> Result<(), Failure> {
    let answer = match Server::of(&options.data)? {
        Some(server) => {
            let before = options.before.map(|id| format!("&before={id}")).unwrap_or_default();
            server.get(&format!("/api/audit?limit={}{before}", options.limit))?
        }
        None => to_value(options.data.store()?.0.audited(options.before, options.limit)?)?,
    };
    if options.json {
        return print(&answer);
    }
    for line in typed::<Vec<Audited>>(answer)? {
        say!("{} {} {} from {}: {}: {}", line.id, line.at, line.who, line.from, line.what, line.outcome);
    }
    Ok(())
}

fn server(data: &Data) -> Result<Server, Failure> {
    Server::of(data)?.ok_or_else(no_server)
}

fn typed<T: DeserializeOwned>(answer: Value) -> Result<T, Failure> {
    serde_json::from_value(answer).map_err(|e| Failure::new(format!("odd answer: {e}")))
}

fn to_value(value: impl serde::Serialize) -> Result<Value, Failure> {
    serde_json::to_value(value).map_err(|e| Failure::new(e.to_string()))
}
