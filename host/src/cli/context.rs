//! The options that every command has, and what follows from them.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use portcullis_host::{Component, Origin, Runtime, RuntimeBuilder, components_dir, is_precompiled};

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Globals {
    /// How to print; `human` on a terminal, else `json`
    #[arg(long, global = true, value_enum)]
    format: Option<Format>,

    /// The verification time in seconds since 1970; now if absent
    #[arg(long, global = true, value_name = "SECONDS")]
    at: Option<u64>,

    /// The folder of the components; `../components` beside the program's folder if absent
    #[arg(long, global = true, value_name = "DIR", env = "PORTCULLIS_COMPONENTS", hide_env_values = true)]
    components: Option<PathBuf>,

    /// Who verifies signatures
    #[arg(long, global = true, value_enum, default_value_t, env = "PORTCULLIS_CRYPTO", hide_env_values = true)]
    crypto: Crypto,

    /// Neither use nor write the cache of compiled code
    #[arg(long, global = true)]
    no_cache: bool,

    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Human,
    /// For programs: one JSON object a line
    Json,
}

/// Which build of the component is asked. All give the same answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Crypto {
    /// The component itself, in plain WebAssembly
    #[default]
    Software,
    /// The component itself, with wide arithmetic: faster, and newer in compilers
    Wide,
    /// The host's library
    Hosted,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR says otherwise
    #[default]
    Auto,
    Always,
    Never,
}

impl Color {
    /// Holds for everything printed from now on.
    pub(crate) fn apply(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

impl Crypto {
    /// The name of the component's file, without its extension.
    fn stem(self) -> &'static str {
        match self {
            Self::Software => "portcullis",
            Self::Wide => "portcullis-wide",
            Self::Hosted => "portcullis-hosted",
        }
    }
}

/// What commands ask for.
pub(crate) struct Context {
    globals: Globals,
}

/// The extension of the components that this build of the program loads by default.
const EXTENSION: &str = if cfg!(feature = "compiler") { "wasm" } else { "cwasm" };

impl Context {
    pub(crate) fn new(globals: Globals) -> Self {
        Self { globals }
    }

    pub(crate) fn format(&self) -> Format {
        self.globals.format.unwrap_or_else(
            || {
                if std::io::stdout().is_terminal() { Format::Human } else { Format::Json }
            },
        )
    }

    /// The format, if one was asked for.
    pub(crate) fn asked_format(&self) -> Option<Format> {
        self.globals.format
    }

    /// The time that was given, if one was.
    pub(crate) fn asked_at(&self) -> Option<u64> {
        self.globals.at
    }

    /// The verification time, in seconds since 1970.
    pub(crate) fn at(&self) -> u64 {
        self.globals.at.unwrap_or_else(now)
    }

    pub(crate) fn components(&self) -> PathBuf {
        self.globals.components.clone().unwrap_or_else(components_dir)
    }

    /// A runtime, with the settings of the command.
    pub(crate) fn runtime(&self, settings: RuntimeBuilder) -> anyhow::Result<Runtime> {
        let settings = if self.globals.no_cache { settings.without_cache() } else { settings };
        Ok(settings.build()?)
    }

    /// Loads the component that the options name.
    pub(crate) fn component(&self, runtime: &Runtime) -> anyhow::Result<Component> {
        let path = self.components().join(self.globals.crypto.stem()).with_extension(EXTENSION);
        if !path.exists() {
            bail!("no component at {}: run `make dist`, or name the folder with --components", path.display());
        }
        load(runtime, &path)
    }
}

/// Loads a component from a file, be it WebAssembly or precompiled.
pub(crate) fn load(runtime: &Runtime, path: &Path) -> anyhow::Result<Component> {
    let component = if begins_precompiled(path).with_context(|| format!("cannot read {}", path.display()))? {
        runtime.load_precompiled_file(path)
    } else {
        runtime.load_file(path)
    }
    .with_context(|| format!("cannot use {}", path.display()))?;
    match component.origin() {
        #[cfg(feature = "compiler")]
        Origin::NotCached(warning) => warn(&warning.to_string()),
        Origin::Rebuilt(damage) => warn(&format!("the cached code of {} was rebuilt: {damage}", path.display())),
        _ => {}
    }
    Ok(component)
}

fn begins_precompiled(path: &Path) -> std::io::Result<bool> {
    use std::io::Read as _;
    let mut beginning = Vec::new();
    std::fs::File::open(path)?.take(64).read_to_end(&mut beginning)?;
    Ok(is_precompiled(&beginning))
}

fn warn(text: &str) {
    anstream::eprintln!("{style}warning:{style:#} {text}", style = super::output::CAUTION);
}

/// Seconds since 1970 by the system's clock; a clock before 1970 counts as 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
