//! Looks for what LLVM up to 22 does to wide arithmetic (llvm/llvm-project issue 199910, mended by its pull request 200429 of
//! June 2026), and fails where it finds it. The build runs it on every `*-wide.wasm`.
//!
//! A wide instruction (`i64.add128`, `i64.sub128`, `i64.mul_wide_s`, `i64.mul_wide_u`) leaves two results. The compiler's pass
//! that keeps values on the operand stack may move it down to where its first result is used, into the middle of an
//! expression whose earlier operand is the second result. That operand has been read by then, from the local that only
//! now is set:
//!
//! ```wat
//! local.get $hi        ;; reads what $hi held before
//! local.get $a
//! local.get $b
//! i64.mul_wide_u
//! local.set $hi        ;; too late
//! ```
//!
//! The pass checks every instruction that it moves past, so what was read too early is always an operand that is got
//! directly and is still on the stack when the local is set. That pattern can also be harmless, where the local was
//! used again for another value. It is refused all the same: which of the two it is cannot be told from the module.

use std::{env, fs, path::Path, process::ExitCode};

use anyhow::bail;
use wasmparser::{
    FuncToValidate, FunctionBody, Operator, Parser, Payload, ValidPayload, Validator, ValidatorResources, WasmFeatures,
};

fn main() -> ExitCode {
    let mut status = ExitCode::SUCCESS;
    for file in env::args().skip(1) {
        match check_file(Path::new(&file)) {
            Ok(wide) => println!("{file}: {wide} wide instructions, none read too early"),
            Err(error) => {
                eprintln!("{file}: {error:#}");
                status = ExitCode::FAILURE;
            }
        }
    }
    status
}

fn check_file(file: &Path) -> anyhow::Result<usize> {
    let found = check(&fs::read(file)?)?;
    if !found.suspicious.is_empty() {
        bail!(
            "{} of {} wide instructions may set a local after it was read (LLVM issue 199910), in {}",
            found.suspicious.len(),
            found.wide,
            found.suspicious.join(", ")
        );
    }
    Ok(found.wide)
}

/// What a module holds.
#[derive(Debug, Default)]
struct Found {
    /// Wide instructions.
    wide: usize,
    /// Where the pattern stands: function indices and offsets.
    suspicious: Vec<String>,
}

/// Checks a module, or every module inside a component.
fn check(bytes: &[u8]) -> anyhow::Result<Found> {
    let mut found = Found::default();
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        if let Payload::ModuleSection { .. } | Payload::ComponentSection { .. } = &payload {
            validator.payload(&payload)?;
            continue;
        }
        if let ValidPayload::Func(function, body) = validator.payload(&payload)? {
            check_function(function, &body, &mut found)?;
        }
    }
    Ok(found)
}

fn check_function(
    function: FuncToValidate<ValidatorResources>,
    body: &FunctionBody<'_>,
    found: &mut Found,
) -> anyhow::Result<()> {
    let index = function.index;
    let mut validator = function.into_validator(Default::default());
    let mut reader = body.get_binary_reader();
    validator.read_locals(&mut reader)?;
    let mut operators = wasmparser::OperatorsReader::new(reader);
    // For each value on the operand stack, the local that it was got from, if nothing was done with it since.
    let mut got: Vec<Option<u32>> = Vec::new();
    let mut after_wide = false;
    while !operators.eof() {
        let (operator, offset) = operators.read_with_offset()?;
        let before = validator.operand_stack_height() as usize;
        // No arity: a jump away, after which nothing that was got is used any more.
        let (pops, _) = operator.operator_arity(&validator.visitor(offset)).unwrap_or((u32::try_from(before)?, 0));
        if let (true, Operator::LocalSet { local_index }) = (after_wide, &operator) {
            // The top is the second result itself.
            let below = got.len().min(before.saturating_sub(1));
            if got[..below].contains(&Some(*local_index)) {
                found.suspicious.push(format!("function {index} at {offset:#x}"));
            }
        }
        after_wide = is_wide(&operator);
        found.wide += usize::from(after_wide);
        validator.op(offset, &operator)?;
        let height = validator.operand_stack_height() as usize;
        got.resize(before, None);
        got.truncate(before.saturating_sub(pops as usize).min(height));
        got.resize(height, None);
        if let (Operator::LocalGet { local_index }, Some(top)) = (&operator, got.last_mut()) {
            *top = Some(*local_index);
        }
    }
    Ok(())
}

fn is_wide(operator: &Operator<'_>) -> bool {
    matches!(operator, Operator::I64Add128 | Operator::I64Sub128 | Operator::I64MulWideS | Operator::I64MulWideU)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suspicious(body: &str) -> usize {
        let module = format!("(module (func (param i64 i64) (result i64) (local i64) {body}))");
        let found = check(&wat::parse_str(module).expect("WebAssembly text")).expect("a module");
        assert_eq!(found.wide, 1);
        found.suspicious.len()
    }

    #[test]
    fn a_read_before_the_set_is_found() {
        // The example of the issue.
        let body = "local.get 1 local.get 0 local.get 1 i64.mul_wide_s local.set 1 i64.const 63 i64.shr_s i64.add";
        assert_eq!(suspicious(body), 1);
        // Deeper in the stack, too.
        let body = "local.get 2 i64.const 1 local.get 0 local.get 1 i64.mul_wide_u local.set 2 i64.add i64.add";
        assert_eq!(suspicious(body), 1);
    }

    #[test]
    fn a_read_after_the_set_is_not() {
        let body = "local.get 0 local.get 1 i64.mul_wide_u local.set 2 i64.const 63 i64.shr_u local.get 2 i64.add";
        assert_eq!(suspicious(body), 0);
        let body = "local.get 0 local.get 1 i64.mul_wide_u local.set 2 local.set 0 local.get 2 local.get 0 i64.add";
        assert_eq!(suspicious(body), 0);
    }

    #[test]
    fn an_operand_of_the_instruction_itself_is_not() {
        let body = "local.get 2 local.get 1 i64.mul_wide_u local.set 2 drop local.get 2";
        assert_eq!(suspicious(body), 0);
        // Nor one that another instruction took.
        let body = "local.get 2 i64.const 5 i64.add local.set 0 local.get 0 local.get 1 i64.mul_wide_u local.set 2";
        assert_eq!(suspicious(body), 0);
    }

    #[test]
    fn modules_inside_components_are_looked_at() {
        let component = "(component (core module (func (param i64 i64) (result i64)
            local.get 1 local.get 0 local.get 1 i64.mul_wide_s local.set 1 i64.const 63 i64.shr_s i64.add)))";
        let found = check(&wat::parse_str(component).expect("WebAssembly text")).expect("a component");
        assert_eq!((found.wide, found.suspicious.len()), (1, 1));
    }
}
