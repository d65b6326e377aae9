//! The one place with `unsafe`: turning bytes of compiled code back into a component.
#![allow(unsafe_code, reason = "deserialising compiled code is trusting it; see the SAFETY comment")]

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::artifact::{Damage, Payload};

/// Makes a component of compiled code.
///
/// The payload says who vouches for it; there is no other way to have one than [`Payload`]'s.
pub(crate) fn component(engine: &Engine, payload: &Payload<'_>) -> Result<Component, Damage> {
    // SAFETY: `Component::deserialize` runs what it is given as machine code, so the bytes have to be what wasmtime
    // itself serialised. They come from this process, from a file in a folder that only this user can write to, or
    // from a file that only this user or root can write to, which the user named as precompiled code. Accidental
    // damage was excluded by a checksum over the whole payload when the `Payload` was made. Another version of
    // wasmtime, other settings or another processor are noticed by wasmtime itself.
    let component = unsafe { Component::deserialize(engine, payload.bytes()) };
    component.map_err(|error| Damage::Engine(error.to_string()))
}
