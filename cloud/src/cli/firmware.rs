// SPDX-License-Identifier: MIT OR Apache-2.0
//! `otakit-cloud firmware …` and `config …`.

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::client::{Server, escaped};
use super::{Data, no_server, print, status, text_of};
use crate::Failure;
use crate::data::firmware::NewFirmware;
use crate::data::import;
use crate::data::model::{Firmware, Sign};

/// What to do with firmware.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add an image: its size, MD5 and SHA-256 are taken, and it is copied into the data directory
    Add {
        #[command(flatten)]
        data: Data,
        /// The image
        file: PathBuf,
        /// Product key
        #[arg(long)]
        product: String,
        /// Version, 1 to 64 letters, digits and _-.+
        #[arg(long)]
        version: String,
        /// The module that it is for, in place of the device itself
        #[arg(long)]
        module: Option<String>,
        /// Offer it to every device that reports an older version (1.10.0 is newer than 1.9.0)
        #[arg(long)]
        auto: bool,
        /// Name a digest as signMethod and sign in the offer
        #[arg(long, value_name = "METHOD")]
        sign: Option<Sign>,
        /// Leave md5 out of the offer
        #[arg(long, requires = "sign")]
        omit_md5: bool,
        /// Serve the file from where it is instead of copying it
        #[arg(long)]
        in_place: bool,
        /// Replace firmware of the same product and version
        #[arg(long)]
        replace: bool,
    },
    /// Remove a firmware that no device is being updated to
    Delete {
        #[command(flatten)]
        data: Data,
        /// Product key
        #[arg(long)]
        product: String,
        /// Version
        #[arg(long)]
        version: String,
        /// The module that it is for, in place of the device itself
        #[arg(long)]
        module: Option<String>,
    },
    /// Print an address of an image, as an offer has it: it is good for a while
    Url {
        #[command(flatten)]
        data: Data,
        /// Product key
        #[arg(long)]
        product: String,
        /// Version
        #[arg(long)]
        version: String,
        /// The module that it is for, in place of the device itself
        #[arg(long)]
        module: Option<String>,
    },
    /// List firmware
    List {
        #[command(flatten)]
        data: Data,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// What to do with configurations.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Take a file as the configuration that devices of a product get
    Set {
        #[command(flatten)]
        data: Data,
        /// Product key
        #[arg(long)]
        product: String,
        /// The configuration
        #[arg(long)]
        file: PathBuf,
        /// Send it to all devices of the product at once
        #[arg(long)]
        push: bool,
    },
}

/// Runs the command.
pub fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Add { data, file, product, version, module, auto, sign, omit_md5, in_place, replace } => {
            let new = NewFirmware { product, version, module, auto, sign, omit_md5, replace };
            new.check()?;
            let added = match Server::of(&data)? {
                Some(server) => upload(&server, &file, &new, in_place)?,
                None => {
                    let (store, _lock) = data.store()?;
                    store.may_add(&new)?;
                    let content = import::take(store.layout(), &file, in_place)?;
                    store.add_firmware(&new, &content)?
                }
            };
            let content = &added.content;
            say!(
                "firmware {} {} bytes md5 {} sha256 {}",
                added.id,
                content.size,
                content.md5,
                content.sha256
            );
            Ok(())
        }
        Command::Delete { data, product, version, module } => {
            let (label, key) = find(&data, &product, &version, module.as_deref())?;
            match Server::of(&data)? {
                Some(server) => drop(server.delete(&format!("/api/firmware/{key}"))?),
                None => drop(data.store()?.0.delete_firmware(key)?),
            }
            say!("deleted {label}");
            Ok(())
        }
        Command::Url { data, product, version, module } => {
            let server = Server::of(&data)?.ok_or_else(no_server)?;
            let (_, key) = find(&data, &product, &version, module.as_deref())?;
            say!("{}", text_of(&server.get(&format!("/api/firmware/{key}/url"))?, "url"));
            Ok(())
        }
        Command::List { data, json } => {
            let firmware = status::view(&data, None)?.firmware;
            if json {
                return print(&firmware);
            }
            for f in firmware {
                let auto = if f.auto { " auto" } else { "" };
                let module = match f.module {
                    Some(_) if f.is_config() => " configuration".to_owned(),
                    Some(module) => format!(" module {module}"),
                    None => String::new(),
                };
                say!("{} {} {} bytes{module}{auto}", f.product_key, f.version, f.content.size);
            }
            Ok(())
        }
    }
}

/// What a firmware is called, and its number.
fn find(data: &Data, product: &str, version: &str, module: Option<&str>) -> Result<(String, i64), Failure> {
    let label = crate::data::firmware::label(product, module, version);
    let all = status::view(data, None)?.firmware;
    let fits =
        |f: &&Firmware| f.product_key == product && f.version == version && f.module.as_deref() == module;
    let key = all.iter().find(fits).map(|firmware| firmware.key);
    match key {
        Some(key) => Ok((label, key)),
        None => Err(Failure::new(format!("there is no firmware {label}"))),
    }
}

/// Gives an image to the server; one that stays in place is only named.
fn upload(server: &Server, file: &Path, new: &NewFirmware, in_place: bool) -> Result<Firmware, Failure> {
    let mut path =
        format!("/api/firmware?product={}&version={}", escaped(&new.product), escaped(&new.version));
    let mut add = |name: &str, value: &str| {
        path.push_str(&format!("&{name}={}", escaped(value)));
    };
    add("name", &file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default());
    if let Some(module) = &new.module {
        add("module", module);
    }
    if let Some(sign) = new.sign {
        add("sign", sign.name());
    }
    for (name, on) in [("auto", new.auto), ("omit_md5", new.omit_md5), ("replace", new.replace)] {
        if on {
            add(name, "true");
        }
    }
    let answer = if in_place {
        let whole = file.canonicalize().map_err(|e| Failure::io("open", file, &e))?;
        add("in_place", &whole.to_string_lossy());
        server.post_nothing(&path)?
    } else {
        server.upload(&path, file)?
    };
    serde_json::from_value(answer).map_err(|e| Failure::new(format!("odd answer: {e}")))
}

/// Runs `config`.
pub fn config(ConfigCommand::Set { data, product, file, push }: ConfigCommand) -> Result<(), Failure> {
    let (data, product, file) = (&data, product.as_str(), file.as_path());
    let server = Server::of(data)?;
    if push && server.is_none() {
        return Err(no_server());
    }
    if let Some(server) = server {
        let name = file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let path = format!("/api/config?product={}&name={}&push={push}", escaped(product), escaped(&name));
        let answer = server.upload(&path, file)?;
        say!("config {product} {} {} bytes", text_of(&answer, "id"), text_of(&answer, "size"));
        if push {
            say!("pushed to {} devices", text_of(&answer, "pushed"));
        }
    } else {
        let (store, _lock) = data.store()?;
        let content = import::take(store.layout(), file, false)?;
        let config = store.set_config(product, &content)?;
        say!("config {product} {} {} bytes", config.id, config.content.size);
    }
    Ok(())
}
