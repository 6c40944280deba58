//! The folders and programs of a run, which both of its sides know.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run::Run;
use crate::stack::{Stack, home};

/// Builds the program that grades as it is now, unless `GREET` says which one to take.
pub fn build_greet() -> Result<()> {
    if env::var_os("GREET").is_none() {
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--quiet", "--package", "greet"]);
        if !cargo
            .current_dir(home())
            .status()
            .context("can't run cargo")?
            .success()
        {
            bail!("greet can't be built");
        }
    }
    Ok(())
}

/// The report over sockets, that with raw packets, and that with raw frames alone.
pub const SOCKETS: &str = "sockets.json";
pub const WIRE: &str = "wire.json";
pub const FRAMES: &str = "frames.json";

/// The folders and programs of a run.
#[derive(Debug)]
pub struct Place {
    /// Cargo's target folder of the workspace.
    pub target: PathBuf,
    /// Where what is built for a stack goes, its output, and the report.
    pub built: PathBuf,
    /// The program that grades.
    pub greet: PathBuf,
    /// Where packets go, if anybody wants them.
    pub capture: Option<PathBuf>,
}

impl Place {
    pub fn new(capture: Option<&Path>) -> Result<Self> {
        // This program is in TARGET/PROFILE.
        let program = env::current_exe().context("can't find this program")?;
        let profile = program.parent().context("it has a folder")?;
        let target = profile.parent().context("it is cargo's")?.to_owned();
        let built = target.join("stacks");
        std::fs::create_dir_all(&built)
            .with_context(|| format!("can't make {}", built.display()))?;
        let greet = match env::var_os("GREET") {
            Some(path) => std::path::absolute(path)?,
            None => profile.join("greet"),
        };
        if !greet.exists() {
            bail!("there is no {}", greet.display());
        }
        if let Some(folder) = capture {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("can't make {}", folder.display()))?;
        }
        Ok(Self {
            built,
            greet,
            capture: capture.map(std::path::absolute).transpose()?,
            target,
        })
    }

    /// A shell that knows these folders, in that of a stack.
    pub fn shell(&self, stack: &Stack, script: &str) -> Command {
        let mut shell = Command::new("sh");
        shell
            .args(["-ec", script])
            .current_dir(&stack.folder)
            .env("GREET", &self.greet)
            .env("TARGET", &self.target)
            .env("BUILT", &self.built);
        shell
    }

    /// Where a report of a run is kept.
    pub fn report(&self, run: &Run<'_>, report: &str) -> PathBuf {
        self.built.join(format!("{}.{report}", run.name()))
    }
}
