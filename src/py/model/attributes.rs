//! Attributes that are at hand: read without Python's way to a getter, which takes most of their time.

#![expect(unsafe_code, reason = "PyO3 has no name for this slot that leaves its own in place")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

use super::{BaseModel, Field};
use crate::py::once::intern;

/// What is known of a response class's attributes.
#[derive(Debug)]
pub struct Attributes {
    /// Python's one string of each field's name, which is at the same place wherever a program says it.
    names: OnceLock<Box<[Py<PyString>]>>,
    /// Python's number for how the class stood when it was last looked at. It changes with each change to the class; zero is
    /// none.
    version: AtomicU32,
    /// The same, if each field had its own getter then; zero otherwise.
    plain: AtomicU32,
}

impl Attributes {
    /// Nothing is known yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            names: OnceLock::new(),
            version: AtomicU32::new(0),
            plain: AtomicU32::new(0),
        }
    }

    /// Where the field of this name stands, if all fields of the class have their own getters.
    #[inline]
    fn position(&self, class: *mut ffi::PyTypeObject, name: *mut ffi::PyObject) -> Option<usize> {
        let plain = self.plain.load(Ordering::Acquire);
        if plain == 0 || plain != version(class) {
            return None;
        }
        self.names.get()?.iter().position(|known| known.as_ptr() == name)
    }

    /// Looks at the class if it has changed. Python has just looked an attribute up, and so has numbered it.
    fn look(&self, class: &Bound<'_, PyType>, fields: &[Field]) {
        let (py, now) = (class.py(), version(class.as_type_ptr()));
        if now == 0 || now == self.version.load(Ordering::Relaxed) {
            return;
        }
        let names = if let Some(names) = self.names.get() {
            names
        } else {
            let interned = fields.iter().map(|field| PyString::intern(py, field.name).unbind());
            let interned = interned.collect();
            self.names.get_or_init(|| interned)
        };
        let is_plain = has_its_getters(class, names).unwrap_or(false);
        self.plain.store(if is_plain { now } else { 0 }, Ordering::Release);
        self.version.store(now, Ordering::Relaxed);
    }
}

/// Whether the class has under each of these names the getter that it was made with.
fn has_its_getters(class: &Bound<'_, PyType>, names: &[Py<PyString>]) -> PyResult<bool> {
    let py = class.py();
    let members = class.getattr(intern!(py, "__dict__"))?;
    for name in names {
        let member = members.get_item(name)?;
        let is_its_own = std::ptr::eq(member.get_type_ptr(), &raw const ffi::PyGetSetDescr_Type)
            && member.getattr(intern!(py, "__objclass__"))?.is(class)
            && member.getattr(intern!(py, "__name__"))?.eq(name)?;
        if !is_its_own {
            return Ok(false);
        }
    }
    Ok(true)
}

impl BaseModel {
    /// The value of the field of this name, for the program, if it is known and the class is as it was made.
    #[inline]
    fn at_hand(&self, py: Python<'_>, class: *mut ffi::PyTypeObject, name: *mut ffi::PyObject) -> Option<Py<PyAny>> {
        let position = (self.schema.attributes)().position(class, name)?;
        if self.changes.is_any() {
            return None;
        }
        let Some(value) = self.known(position) else {
            // Where all values are known, the server left it out.
            return self.known_values().map(|_| py.None());
        };
        self.reach(value.bind(py));
        Some(value.clone_ref(py))
    }
}

/// PyO3's own way to an attribute, which asks `__getattr__` in the end.
static OTHERWISE: OnceLock<ffi::getattrofunc> = OnceLock::new();

/// Has the attributes of a response class, which no program can derive from, read here. When the module is imported once more,
/// its classes stay as they are by then.
pub fn read_here(class: &Bound<'_, PyType>) {
    // SAFETY: it is a living type that was made at run time, and the interpreter is attached.
    let slot = unsafe { &mut (*class.as_type_ptr()).tp_getattro };
    if let Some(before) = *slot
        && std::ptr::fn_addr_eq(before, *OTHERWISE.get_or_init(|| before))
    {
        *slot = Some(getattro);
    }
}

fn version(class: *mut ffi::PyTypeObject) -> u32 {
    // SAFETY: it is a living type, of an object that the caller holds.
    let place = unsafe { &raw mut (*class).tp_version_tag };
    // SAFETY: it is aligned, and lives as long as the type.
    unsafe { AtomicU32::from_ptr(place) }.load(Ordering::Relaxed)
}

unsafe extern "C" fn getattro(object: *mut ffi::PyObject, name: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the interpreter is attached when it calls.
    let py = unsafe { Python::assume_attached() };
    // SAFETY: its argument lives as long as the call.
    let model = unsafe { Borrowed::from_ptr(py, object) };
    // SAFETY: only response classes have this slot.
    let model = unsafe { model.cast_unchecked::<BaseModel>() };
    if let Some(value) = model.get().at_hand(py, model.get_type_ptr(), name) {
        return value.into_ptr();
    }
    let Some(ask) = OTHERWISE.get() else {
        return std::ptr::null_mut();
    };
    // SAFETY: the caller's arguments.
    let value = unsafe { ask(object, name) };
    if !value.is_null() {
        let schema = model.get().schema;
        let look = || (schema.attributes)().look(&model.get_type(), schema.fields);
        // A panic must not leave this function: it would end the process. Without the look the next one goes this way, too.
        drop(catch_unwind(AssertUnwindSafe(look)));
    }
    value
}
