//! The interfaces as JSON text: what `portcullis batch` speaks.

use wasmtime::component::{Instance, TypedFunc};
use wasmtime::{Store, format_err};

use crate::component::Component;
use crate::error::HostError;
use crate::sandbox::{Sandbox, State};

/// The interface a component has to export to be asked in text.
pub const TEXT_INTERFACE: &str = "portcullis:gate/text@0.2.0";

type Answer = TypedFunc<(Vec<u8>, u64), (String,)>;
type Operations = TypedFunc<(), (Vec<String>,)>;

/// An instance of any component that exports [`TEXT_INTERFACE`].
///
/// ```no_run
/// use portcullis_host::{Runtime, TextDoor, components_dir};
///
/// let component = Runtime::new()?.load_file(components_dir().join("portcullis.wasm"))?;
/// let mut door = TextDoor::new(&component)?;
/// let answer = door.answer(br#"{"id":1,"op":"no.such","at":1790000000}"#, 1_790_000_000)?;
/// assert!(answer.contains("request.malformed"));
/// # Ok::<(), portcullis_host::HostError>(())
/// ```
pub struct TextDoor {
    sandbox: Sandbox<Functions>,
}

struct Functions {
    answer: Answer,
    operations: Operations,
}

impl TextDoor {
    /// Makes an instance.
    ///
    /// # Errors
    ///
    /// [`HostError::ExportMissing`] for a component without the interface, and what can go wrong when an instance is
    /// made.
    pub fn new(component: &Component) -> Result<Self, HostError> {
        let sandbox = Sandbox::new(component, |store, instance| {
            Ok(Functions {
                answer: function(store, instance, "answer")?,
                operations: function(store, instance, "operations")?,
            })
        })?;
        Ok(Self { sandbox })
    }

    /// Answers one request, a line of JSON. `now` is the verification time, in seconds since 1970, of a request
    /// without `at`. The answer is one line of JSON without its line end, refusals and `request.malformed` included.
    ///
    /// # Errors
    ///
    /// The component trapped, was cut off or ran out of memory. The next call gets a new instance.
    pub fn answer(&mut self, request: &[u8], now: u64) -> Result<String, HostError> {
        self.sandbox.call(|store, functions| {
            let (answer,) = functions.answer.call(store, (request.to_vec(), now))?;
            Ok(answer)
        })
    }

    /// The names of the operations the component knows, sorted.
    ///
    /// # Errors
    ///
    /// As for [`answer`](Self::answer).
    pub fn operations(&mut self) -> Result<Vec<String>, HostError> {
        self.sandbox.call(|store, functions| {
            let (operations,) = functions.operations.call(store, ())?;
            Ok(operations)
        })
    }
}

impl std::fmt::Debug for TextDoor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextDoor").field("component", self.sandbox.component()).finish_non_exhaustive()
    }
}

fn function<P, R>(store: &mut Store<State>, instance: &Instance, name: &str) -> wasmtime::Result<TypedFunc<P, R>>
where
    P: wasmtime::component::ComponentNamedList + wasmtime::component::Lower,
    R: wasmtime::component::ComponentNamedList + wasmtime::component::Lift,
{
    let index = instance
        .get_export_index(&mut *store, None, TEXT_INTERFACE)
        .ok_or_else(|| format_err!("the interface {TEXT_INTERFACE}"))?;
    let index = instance
        .get_export_index(&mut *store, Some(&index), name)
        .ok_or_else(|| format_err!("the function `{name}` of {TEXT_INTERFACE}"))?;
    instance.get_typed_func(store, index)
}
