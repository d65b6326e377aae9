//! The index finds what going through the rules one by one finds.

use portcullis_gate::{
    RuleIndex,
    path::{Pattern, RequestPath},
};
use proptest::prelude::*;

/// Patterns of few words, so that they meet.
fn pattern() -> impl Strategy<Value = Option<String>> {
    let part = prop_oneof![Just("a"), Just("b"), Just("{x}"), Just("c")];
    let end = prop_oneof![3 => Just(""), 1 => Just("/"), 1 => Just("/{r...}")];
    let written = (prop::collection::vec(part, 0..4), end).prop_map(|(parts, end)| {
        let mut seen = 0;
        let parts: Vec<String> = parts
            .into_iter()
            .map(|part| {
                seen += 1;
                if part == "{x}" { format!("{{x{seen}}}") } else { part.into() }
            })
            .collect();
        let text = parts.iter().map(|part| format!("/{part}")).collect::<String>() + end;
        if text.is_empty() { "/".into() } else { text }
    });
    prop_oneof![9 => written.prop_map(Some), 1 => Just(None)]
}

fn path() -> impl Strategy<Value = String> {
    let part = prop_oneof![Just("a"), Just("b"), Just("c"), Just("d")];
    (prop::collection::vec(part, 0..5), any::<bool>()).prop_map(|(parts, slash)| {
        let text = parts.iter().map(|part| format!("/{part}")).collect::<String>();
        if text.is_empty() || slash { text + "/" } else { text }
    })
}

proptest! {
    #[test]
    fn properties_of_the_first_match(
        patterns in prop::collection::vec((pattern(), any::<bool>()), 0..40),
        paths in prop::collection::vec(path(), 1..10),
    ) {
        let mut index = RuleIndex::default();
        let read: Vec<Option<Pattern>> =
            patterns.iter().map(|(text, _)| text.as_ref().map(|text| Pattern::parse(text).unwrap())).collect();
        for (number, pattern) in read.iter().enumerate() {
            index.add(number, pattern.as_ref());
        }
        for path in paths {
            let path = RequestPath::parse(&path).unwrap();
            let holds = |number: usize| patterns[number].1;
            let scan = (0..read.len())
                .find(|number| holds(*number) && read[*number].as_ref().is_none_or(|pattern| pattern.matches(&path)));
            prop_assert_eq!(index.first(&path, holds), scan);
        }
    }
}
