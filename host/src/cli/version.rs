//! `portcullis --version`.

use serde::Serialize;

use super::component::{self, Found};
use super::context::{Context, Format};
use super::{Outcome, output};

/// The version comes first and alone on its line, whoever reads it; JSON only if it was asked for.
pub(crate) fn run(context: &Context) -> anyhow::Result<Outcome> {
    let version = env!("CARGO_PKG_VERSION");
    let components = component::found(&context.components());
    if context.asked_format() == Some(Format::Json) {
        #[derive(Serialize)]
        struct Version<'a> {
            version: &'a str,
            components: Vec<Found>,
        }
        output::json(&Version { version, components })?;
    } else {
        output::print(&format!("portcullis {version}\n{}", component::table(&components, context)))?;
    }
    Ok(Outcome::Accepted)
}
