//! An allocator that counts: for tests that are alone in their process, because everything in it is counted.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// SAFETY: everything is the system's allocator's; only sizes are counted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(now, Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// What a call leaves behind and what it takes at most, in bytes, beside what was there before.
pub(crate) fn measured<T>(call: impl FnOnce() -> T) -> (T, usize, usize) {
    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    let made = call();
    (made, NOW.load(Relaxed).saturating_sub(before), PEAK.load(Relaxed).saturating_sub(before))
}
