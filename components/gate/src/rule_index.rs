//! Finding the first rule that matches, without looking at each.
//!
//! A tree of segments: at each one, the literals, the one wildcard and the rules that end in `{x...}`. What is found is what
//! going through the rules one by one would find first; a property test says so.

use alloc::{borrow::Cow, boxed::Box, collections::BTreeMap, vec::Vec};

use crate::path::{Part, Pattern, RequestPath};

/// The rules by their paths.
#[derive(Debug, Default)]
pub struct RuleIndex {
    root: Node,
    /// Rules without a path, in their order.
    everywhere: Vec<usize>,
}

#[derive(Debug)]
struct Node {
    literals: BTreeMap<Vec<u8>, Node>,
    one: Option<Box<Node>>,
    /// Rules that end here, in their order.
    here: Vec<usize>,
    /// Rules whose rest begins here, in their order.
    rest: Vec<usize>,
    /// The first rule of all below.
    first: usize,
}

impl Default for Node {
    fn default() -> Self {
        Self { literals: BTreeMap::new(), one: None, here: Vec::new(), rest: Vec::new(), first: usize::MAX }
    }
}

impl RuleIndex {
    /// Adds a rule. Rules are added in their order.
    pub fn add(&mut self, rule: usize, pattern: Option<&Pattern>) {
        let Some(pattern) = pattern else {
            self.everywhere.push(rule);
            return;
        };
        let mut node = &mut self.root;
        node.first = node.first.min(rule);
        for part in pattern.parts() {
            node = match part {
                Part::Literal(literal) => node.literals.entry(literal.clone()).or_default(),
                Part::One => node.one.get_or_insert_default(),
                Part::Rest => {
                    node.rest.push(rule);
                    return;
                }
            };
            node.first = node.first.min(rule);
        }
        node.here.push(rule);
    }

    /// The first rule whose path matches and that `holds`.
    pub fn first(&self, path: &RequestPath<'_>, holds: impl Fn(usize) -> bool) -> Option<usize> {
        let mut found = usize::MAX;
        take(&self.everywhere, &holds, &mut found);
        self.root.search(path.segments(), &holds, &mut found);
        (found != usize::MAX).then_some(found)
    }
}

/// The first of some rules that holds, if it comes before what was found.
fn take(rules: &[usize], holds: &impl Fn(usize) -> bool, found: &mut usize) {
    for rule in rules.iter().copied().take_while(|rule| *rule < *found) {
        if holds(rule) {
            *found = rule;
            return;
        }
    }
}

impl Node {
    /// As deep as patterns are, which is bounded; branches whose rules all come later than what was found are left out.
    fn search(&self, segments: &[Cow<'_, [u8]>], holds: &impl Fn(usize) -> bool, found: &mut usize) {
        let Some((segment, after)) = segments.split_first() else {
            take(&self.here, holds, found);
            return;
        };
        if !segment.is_empty() {
            take(&self.rest, holds, found);
        }
        if let Some(node) = self.literals.get(segment.as_ref())
            && node.first < *found
        {
            node.search(after, holds, found);
        }
        if let Some(node) = &self.one
            && !segment.is_empty()
            && node.first < *found
        {
            node.search(after, holds, found);
        }
    }
}
