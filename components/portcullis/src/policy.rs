//! `portcullis:gate/policy`

use portcullis_gate::policy::{self, Policy, PolicyError, export};
use portcullis_types::json;

use crate::{
    Component, backend,
    bindings::exports::portcullis::gate::policy::{Demand, Format, Guest, Problem, Report},
};

impl Guest for Component {
    fn check(text: String, format: Format, file: String) -> Report {
        match parse(&text, format) {
            Ok(policy) => Report {
                errors: Vec::new(),
                warnings: problems(&policy.warnings),
                rendered: policy::render_warnings(&policy.warnings, &text, &file),
            },
            Err(errors) => Report {
                errors: problems(&errors),
                warnings: Vec::new(),
                rendered: policy::render(&errors, &text, &file),
            },
        }
    }

    fn explain(text: String, format: Format, method: String, url: String) -> Result<Vec<Demand>, Vec<Problem>> {
        let policy = parse(&text, format).map_err(|errors| problems(&errors))?;
        let demand = |demand: portcullis_gate::Demand| Demand { what: demand.what.into(), told: demand.told };
        Ok(portcullis_gate::explain(&policy, &method, &url).into_iter().map(demand).collect())
    }

    fn export_for_browser(text: String, format: Format) -> Result<String, Vec<Problem>> {
        let policy = parse(&text, format).map_err(|errors| problems(&errors))?;
        let format = self::format(format);
        Policy::tree(&text, format)
            .and_then(|tree| export::for_browser(&tree, &policy))
            .map(|exported| json::to_text(&exported))
            .map_err(|error| vec![problem(&error.placed(&text, format))])
    }
}

fn parse(text: &str, format: Format) -> Result<Policy, Vec<PolicyError>> {
    Policy::parse(text, self::format(format), &backend())
}

pub(crate) fn format(format: Format) -> policy::Format {
    match format {
        Format::Toml => policy::Format::Toml,
        Format::Json => policy::Format::Json,
    }
}

pub(crate) fn problems(errors: &[PolicyError]) -> Vec<Problem> {
    errors.iter().map(problem).collect()
}

fn problem(error: &PolicyError) -> Problem {
    Problem {
        code: error.code().into(),
        rule: error.rule().into(),
        path: error.path.to_string(),
        line: error.place.map(|place| place.line),
        column: error.place.map(|place| place.column),
        detail: error.detail.clone(),
        remedy: error.remedy.clone(),
    }
}
