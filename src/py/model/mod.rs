//! Response objects: the server's JSON text, and a typed view of it. What most programs read is made with the object, the rest
//! one level at a time, when it is asked for.

mod attributes;
mod changes;
mod dump;
mod plain;
mod schema;
mod values;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use pyo3::exceptions::{PyAttributeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyString, PyTuple, PyType};

pub use attributes::{Attributes, read_here};
pub use plain::Shape;
pub use schema::{Field, Kind, Places, Schema, Standing, main_of, position, schema_of};
pub use values::{Values, object_of, object_through};

use self::changes::{Change, Changes, is_private};
use self::dump::{Without, Writer};
use self::plain::{Reader, string_of};
use super::json::decode;
use super::logprobs::Bulk;
use crate::json::{beyond_python, members, tolerate};
use crate::py::once::intern;
use crate::split::{Cursor, is_ascii};

/// A server's text, which is valid JSON.
///
/// # Errors
/// `ValueError` where it is not UTF-8.
#[expect(
    unsafe_code,
    reason = "to see that it is ASCII takes a fraction of a check for UTF-8"
)]
pub fn text_of(json: &[u8]) -> PyResult<&str> {
    if is_ascii(json) {
        // SAFETY: ASCII is UTF-8.
        return Ok(unsafe { std::str::from_utf8_unchecked(json) });
    }
    std::str::from_utf8(json).map_err(|e| PyValueError::new_err(format!("not UTF-8: {e}")))
}

/// The base of all response objects.
#[pyclass(frozen, subclass, weakref, module = "tokstream.types")]
#[derive(Debug)]
pub struct BaseModel {
    schema: &'static Schema,
    json: Bytes,
    values: OnceLock<Arc<Values>>,
    /// The values that others have too, where they differ in one field alone.
    shared: Option<Arc<Values>>,
    /// A field whose value is known beside those: the one in which it differs, or the main one, read with the object.
    own: Option<(usize, Py<PyAny>)>,
    /// A field that was read alone, and its value if the server sent it. Settled, be it as none, before the others are read.
    alone: OnceLock<Option<(usize, Option<Py<PyAny>>)>>,
    /// A value was handed out that can be changed in place.
    reached: AtomicBool,
    changes: Changes,
    aside: OnceLock<Box<Aside>>,
}

/// What hardly any object has.
#[derive(Debug, Default)]
struct Aside {
    request_id: Option<Box<str>>,
    bulk: Bulk,
}

impl BaseModel {
    /// An object whose fields are read from `json` when they are first asked for.
    #[must_use]
    pub fn new(schema: &'static Schema, json: Bytes) -> Self {
        Self {
            schema,
            json,
            values: OnceLock::new(),
            shared: None,
            own: None,
            alone: OnceLock::new(),
            reached: AtomicBool::new(false),
            changes: Changes::default(),
            aside: OnceLock::new(),
        }
    }

    /// An object that shares all its values but one.
    #[must_use]
    pub fn sharing(schema: &'static Schema, json: Bytes, values: Arc<Values>, own: (usize, Py<PyAny>)) -> Self {
        Self {
            shared: Some(values),
            own: Some(own),
            ..Self::new(schema, json)
        }
    }

    /// An object whose values have been read.
    #[must_use]
    pub fn with_values(schema: &'static Schema, json: Bytes, values: Values) -> Self {
        Self {
            values: OnceLock::from(Arc::new(values)),
            ..Self::new(schema, json)
        }
    }

    /// An object of which one field is known already.
    #[must_use]
    pub fn with_known(schema: &'static Schema, json: Bytes, known: (usize, Py<PyAny>)) -> Self {
        Self {
            own: Some(known),
            ..Self::new(schema, json)
        }
    }

    /// The same with the request's id.
    #[must_use]
    pub fn with_request_id(self, request_id: Option<&str>) -> Self {
        if let Some(id) = request_id {
            let aside = Aside {
                request_id: Some(id.into()),
                bulk: Bulk::default(),
            };
            // A new object has none.
            drop(self.aside.set(Box::new(aside)));
        }
        self
    }

    fn request_id(&self) -> Option<&str> {
        self.aside.get()?.request_id.as_deref()
    }

    /// The server's text.
    #[must_use]
    pub fn sent(&self) -> &Bytes {
        &self.json
    }

    /// What has been read of all tokens at once.
    pub fn bulk(&self) -> &Bulk {
        &self.aside.get_or_init(Box::default).bulk
    }

    /// An object of text that comes from a program.
    ///
    /// # Errors
    /// `ValueError` where it is no JSON object.
    fn of_text(schema: &'static Schema, json: Bytes) -> PyResult<Self> {
        members(text_of(&json)?).map_err(|e| PyValueError::new_err(format!("not a JSON object: {e}")))?;
        Ok(Self::new(schema, json))
    }

    /// The object as one of its own Python class.
    ///
    /// # Errors
    /// Where Python has no memory for it.
    pub fn wrap(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        (self.schema.make)(py, self)
    }

    fn known_values(&self) -> Option<&Arc<Values>> {
        self.shared.as_ref().or_else(|| self.values.get())
    }

    /// The field that was read alone.
    fn alone(&self) -> Option<&(usize, Option<Py<PyAny>>)> {
        self.alone.get()?.as_ref()
    }

    /// The value of the field at `position`, if it is known beside the others.
    pub fn own(&self, position: usize) -> Option<&Py<PyAny>> {
        match &self.own {
            Some((own, value)) => (*own == position).then_some(value),
            None => self
                .alone()
                .filter(|(alone, _)| *alone == position)
                .and_then(|(_, value)| value.as_ref()),
        }
    }

    /// The value of the field at `position`, if it has been read and the server sent it.
    fn known(&self, position: usize) -> Option<&Py<PyAny>> {
        self.own(position)
            .or_else(|| self.known_values()?.declared.get(position)?.as_ref())
    }

    /// All values but the one that is known alone, decoded now if they were not before.
    ///
    /// # Errors
    /// Where a value cannot be made a Python object.
    pub fn values(&self, py: Python<'_>) -> PyResult<&Arc<Values>> {
        if let Some(values) = self.known_values() {
            return Ok(values);
        }
        let alone = self.alone.get_or_init(|| None).as_ref().map(|(position, _)| *position);
        let own = self.own.as_ref().map(|(position, _)| *position).or(alone);
        // Decoded outside of the cell: Python code may run meanwhile, and a lock held over it could deadlock.
        let values = Arc::new(Values::of(py, self.schema, &self.json, own)?);
        Ok(self.values.get_or_init(|| values))
    }

    fn no_attribute(&self, py: Python<'_>, name: &str) -> PyErr {
        match (self.schema.class)(py).name() {
            Ok(class) => PyAttributeError::new_err(format!("{class} has no attribute {name:?}")),
            Err(error) => error,
        }
    }

    /// The value of the field at `position`, for the program.
    ///
    /// # Errors
    /// As for [`BaseModel::values`].
    pub fn field(&self, py: Python<'_>, position: usize) -> PyResult<Py<PyAny>> {
        let value = self.read_field(py, position)?;
        self.reach(value.bind(py));
        Ok(value)
    }

    /// Notes that this part of the object is handed out. Of plain values none is noted: where many objects are read, to
    /// write to each would take longer than to read it.
    fn reach(&self, value: &Bound<'_, PyAny>) {
        let is_plain = value.is_exact_instance_of::<PyString>()
            || value.is_exact_instance_of::<PyFloat>()
            || value.is_exact_instance_of::<PyInt>()
            || value.is_exact_instance_of::<PyBool>()
            || value.is_none();
        if !is_plain {
            self.reached.store(true, Ordering::Relaxed);
        }
    }

    /// The value of the field at `position`, which the caller neither changes nor hands out.
    ///
    /// # Errors
    /// As for [`BaseModel::values`].
    pub fn read_field(&self, py: Python<'_>, position: usize) -> PyResult<Py<PyAny>> {
        if let Some(field) = self.schema.fields.get(position)
            && let Some(change) = self.changes.find(py, field.name)
        {
            return change.read().ok_or_else(|| self.no_attribute(py, field.name));
        }
        if self.own.is_none() && self.alone.get().is_none() && self.known_values().is_none() {
            // Of most objects one field is read and no other.
            let value = Values::one(py, self.schema, &self.json, position)?;
            self.alone.get_or_init(|| Some((position, value)));
        }
        if let Some(value) = self.own(position) {
            return Ok(value.clone_ref(py));
        }
        if self.alone().is_some_and(|(alone, _)| *alone == position) {
            return Ok(py.None());
        }
        self.values(py)?;
        Ok(self
            .known(position)
            .map_or_else(|| py.None(), |value| value.clone_ref(py)))
    }
}

/// The base of an object that a caller makes from keywords.
///
/// # Errors
/// `ValueError` where a required field is missing or has the wrong type.
pub fn from_keywords(class: &Bound<'_, PyType>, fields: Option<&Bound<'_, PyDict>>) -> PyResult<BaseModel> {
    let py = class.py();
    let fields = fields.map_or_else(|| PyDict::new(py), Bound::clone);
    let made = class.call_method1(intern!(py, "model_validate"), (fields,))?;
    let made = made.cast::<BaseModel>()?.get();
    Ok(BaseModel::new(made.schema, made.json.clone()))
}

/// What a pickle keeps: the function that makes the object again, and its arguments.
type Reduced<'py, 'a> = (Bound<'py, PyAny>, (&'static str, Bound<'py, PyBytes>, Option<&'a str>));

/// Calls the function of `tokstream._models` that does the work of a method.
fn in_python<'py>(
    object: &Bound<'py, PyAny>,
    function: &str,
    args: &Bound<'py, PyTuple>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = object.py();
    let mut all = Vec::with_capacity(args.len() + 1);
    all.push(object.clone());
    all.extend(args.iter());
    py.import(intern!(py, "tokstream._models"))?
        .getattr(function)?
        .call(PyTuple::new(py, all)?, options)
}

/// A dict of the object: at once where nothing else is said, else as `tokstream._models` reads the options.
fn dumped<'py>(
    object: &Bound<'py, BaseModel>,
    function: &str,
    options: Option<&Bound<'py, PyDict>>,
    unset: bool,
) -> PyResult<Bound<'py, PyAny>> {
    if options.is_none() {
        return object.get().dump(object.py(), unset, false, false).map(Bound::into_any);
    }
    in_python(object.as_any(), function, &PyTuple::empty(object.py()), options)
}

/// The object as JSON text, in the same way.
fn dumped_json<'py>(
    object: &Bound<'py, BaseModel>,
    function: &str,
    options: Option<&Bound<'py, PyDict>>,
    unset: bool,
    indent: Option<usize>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = object.py();
    if options.is_none()
        && let Some(text) = object.get().dump_json(py, unset, false, false, indent)?
    {
        return Ok(text.into_any());
    }
    in_python(object.as_any(), function, &PyTuple::empty(py), options)
}

macro_rules! python_methods {
    ($slf:ident, $args:ident, $options:ident; $($method:ident)*; $($class_method:ident)*) => {
        #[pymethods]
        impl BaseModel {
            $(
                #[pyo3(signature = (**$options))]
                fn $method<'py>(
                    $slf: &Bound<'py, Self>,
                    $options: Option<&Bound<'py, PyDict>>,
                ) -> PyResult<Bound<'py, PyAny>> {
                    in_python($slf.as_any(), stringify!($method), &PyTuple::empty($slf.py()), $options)
                }
            )*
            $(
                #[classmethod]
                #[pyo3(signature = (*$args, **$options))]
                fn $class_method<'py>(
                    $slf: &Bound<'py, PyType>,
                    $args: &Bound<'py, PyTuple>,
                    $options: Option<&Bound<'py, PyDict>>,
                ) -> PyResult<Bound<'py, PyAny>> {
                    in_python($slf.as_any(), stringify!($class_method), $args, $options)
                }
            )*

            fn __repr__<'py>($slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
                in_python($slf.as_any(), "repr_", &PyTuple::empty($slf.py()), None)
            }

            fn __rich_repr__<'py>($slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
                in_python($slf.as_any(), "rich_repr", &PyTuple::empty($slf.py()), None)
            }

            #[classmethod]
            fn __get_pydantic_core_schema__<'py>(
                $slf: &Bound<'py, PyType>,
                source: &Bound<'py, PyAny>,
                handler: &Bound<'py, PyAny>,
            ) -> PyResult<Bound<'py, PyAny>> {
                in_python($slf.as_any(), "pydantic_core_schema", &PyTuple::new($slf.py(), [source, handler])?, None)
            }

            #[getter]
            fn model_fields_set<'py>($slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
                in_python($slf.as_any(), "model_fields_set", &PyTuple::empty($slf.py()), None)
            }
        }
    };
}

python_methods! {
    slf, args, options;
    model_copy copy;
    model_validate model_validate_json construct model_construct
}

#[pymethods]
impl BaseModel {
    #[getter]
    fn model_extra(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        let extra = PyDict::new(py);
        let values = self.values(py)?;
        for (at, field) in self.schema.fields.iter().enumerate() {
            if let Some(value) = self.known(at).filter(|_| field.standing == Standing::Extension) {
                self.reach(value.bind(py));
                extra.set_item(field.name, value)?;
            }
        }
        for (name, value) in &values.extra {
            self.reach(value.bind(py));
            extra.set_item(name, value)?;
        }
        let is_declared = |name: &str| {
            let mut fields = self.schema.fields.iter();
            fields.any(|field| field.name == name && field.standing != Standing::Extension)
        };
        for (name, change) in self.changes.all(py) {
            match change {
                _ if is_declared(&name) || is_private(&name) => {}
                Change::Set(value) => extra.set_item(&*name, value)?,
                Change::Deleted => extra.call_method1(intern!(py, "pop"), (&*name, py.None())).map(drop)?,
            }
        }
        Ok(extra.unbind())
    }

    /// The object as a dict: all of it, but for the fields that are left out.
    #[pyo3(name = "_dump")]
    fn dump<'py>(&self, py: Python<'py>, unset: bool, defaults: bool, none: bool) -> PyResult<Bound<'py, PyDict>> {
        let without = Without { unset, defaults, none };
        let rewritten = self.rewritten(py, 0)?;
        let json = rewritten.as_deref().unwrap_or(&self.json);
        Reader::new(py, without).object(self.schema, &mut Cursor::new(text_of(json)?))
    }

    /// The object as JSON text; `None` where only Python's own encoder can write it.
    #[pyo3(name = "_dump_json")]
    fn dump_json<'py>(
        &self,
        py: Python<'py>,
        unset: bool,
        defaults: bool,
        none: bool,
        indent: Option<usize>,
    ) -> PyResult<Option<Bound<'py, PyString>>> {
        let without = Without { unset, defaults, none };
        let json = self.bytes(py)?;
        let mut writer = Writer::new(py, without, indent, json.len());
        let written = writer.object(self.schema, &mut Cursor::new(text_of(&json)?));
        let text = written.ok().map(|()| writer.finish());
        Ok(text.and_then(|text| Some(string_of(py, std::str::from_utf8(&text).ok()?))))
    }

    #[pyo3(signature = (**options))]
    fn model_dump<'py>(slf: &Bound<'py, Self>, options: Option<&Bound<'py, PyDict>>) -> PyResult<Bound<'py, PyAny>> {
        dumped(slf, "model_dump", options, false)
    }

    #[pyo3(signature = (**options))]
    fn to_dict<'py>(slf: &Bound<'py, Self>, options: Option<&Bound<'py, PyDict>>) -> PyResult<Bound<'py, PyAny>> {
        dumped(slf, "to_dict", options, true)
    }

    #[pyo3(signature = (**options))]
    fn model_dump_json<'py>(
        slf: &Bound<'py, Self>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        dumped_json(slf, "model_dump_json", options, false, None)
    }

    #[pyo3(signature = (**options))]
    fn to_json<'py>(slf: &Bound<'py, Self>, options: Option<&Bound<'py, PyDict>>) -> PyResult<Bound<'py, PyAny>> {
        dumped_json(slf, "to_json", options, true, Some(2))
    }

    #[getter]
    fn _request_id(&self) -> Option<&str> {
        self.request_id()
    }

    /// The JSON text of this object, as the server sent it but for what was changed.
    fn _json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.bytes(py)?))
    }

    /// What the server sent, as plain Python data.
    fn _data<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        decode(py, text_of(&self.bytes(py)?)?)
    }

    #[classmethod]
    #[pyo3(signature = (data, request_id=None))]
    fn _from_json(cls: &Bound<'_, PyType>, data: &[u8], request_id: Option<&str>) -> PyResult<Py<PyAny>> {
        let schema = schema_of(cls)?;
        let json = tolerate(&Bytes::copy_from_slice(data));
        if let Some(why) = beyond_python(text_of(&json)?) {
            return Err(PyValueError::new_err(why));
        }
        Self::of_text(schema, json)?.with_request_id(request_id).wrap(cls.py())
    }

    #[classmethod]
    fn _schema(cls: &Bound<'_, PyType>) -> PyResult<Py<PyTuple>> {
        let py = cls.py();
        let declared = schema_of(cls)?
            .fields
            .iter()
            .filter(|field| field.standing != Standing::Extension);
        let fields = declared.map(|field| {
            let (kind, class) = match field.kind {
                Kind::Plain(kind) => (kind, None),
                Kind::One(schema) => ("object", Some((schema.class)(py))),
                Kind::Many(schema) => ("list", Some((schema.class)(py))),
            };
            (field.name, kind, class, field.standing == Standing::Required)
        });
        Ok(PyTuple::new(py, fields.collect::<Vec<_>>())?.unbind())
    }

    /// Its fields as pairs of name and value, so that `dict(message)` is what it says.
    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        in_python(slf.as_any(), "pairs", &PyTuple::empty(slf.py()), None)
    }

    #[pyo3(signature = (**options))]
    fn dict<'py>(slf: &Bound<'py, Self>, options: Option<&Bound<'py, PyDict>>) -> PyResult<Bound<'py, PyAny>> {
        in_python(slf.as_any(), "model_dump", &PyTuple::empty(slf.py()), options)
    }

    #[pyo3(signature = (**options))]
    fn json<'py>(slf: &Bound<'py, Self>, options: Option<&Bound<'py, PyDict>>) -> PyResult<Bound<'py, PyAny>> {
        dumped_json(slf, "model_dump_json", options, false, None)
    }

    fn __eq__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        in_python(slf.as_any(), "eq", &PyTuple::new(slf.py(), [other])?, None)
    }

    /// Sets a field, or an attribute that the server did not send: it is part of the object from then on.
    fn __setattr__(slf: &Bound<'_, Self>, name: &Bound<'_, PyString>, value: Py<PyAny>) -> PyResult<()> {
        let wanted = name.to_str()?;
        let this = slf.get();
        let is_field = this.schema.fields.iter().any(|field| field.name == wanted);
        if !is_field && !is_private(wanted) && slf.get_type().hasattr(name)? || wanted.starts_with("__") {
            return Err(PyAttributeError::new_err(format!(
                "{} has an attribute {wanted:?} of its own, which is no field",
                slf.get_type().name()?
            )));
        }
        this.changes.make(wanted, Change::Set(value));
        Ok(())
    }

    fn __delattr__(slf: &Bound<'_, Self>, name: &Bound<'_, PyString>) -> PyResult<()> {
        slf.getattr(name)?;
        slf.get().changes.make(name.to_str()?, Change::Deleted);
        Ok(())
    }

    fn __getattr__(&self, py: Python<'_>, name: &Bound<'_, PyString>) -> PyResult<Py<PyAny>> {
        let wanted = name.to_str()?;
        if let Some(change) = self.changes.find(py, wanted) {
            return change.read().ok_or_else(|| self.no_attribute(py, wanted));
        }
        // Python asks every object for its protocols; those are no fields, and asking must not cost a decoding.
        if !(wanted.starts_with("__") && wanted.ends_with("__")) {
            for (known, value) in &self.values(py)?.extra {
                if known.bind(py).to_str()? == wanted {
                    self.reach(value.bind(py));
                    return Ok(value.clone_ref(py));
                }
            }
        }
        Err(self.no_attribute(py, wanted))
    }

    fn __dir__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let names = slf
            .py()
            .get_type::<PyAny>()
            .call_method1(intern!(slf.py(), "__dir__"), (slf,))?;
        for (name, _) in &slf.get().values(slf.py())?.extra {
            names.call_method1(intern!(slf.py(), "append"), (name,))?;
        }
        Ok(names)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py, '_>> {
        let load = py
            .import(intern!(py, "tokstream._tokstream"))?
            .getattr(intern!(py, "_load"))?;
        Ok((
            load,
            (self.schema.name, PyBytes::new(py, &self.bytes(py)?), self.request_id()),
        ))
    }
}

/// Makes a response object again from what its pickle kept.
#[pyfunction]
#[pyo3(name = "_load")]
pub fn load(py: Python<'_>, name: &str, json: &[u8], request_id: Option<&str>) -> PyResult<Py<PyAny>> {
    let schema = super::types::SCHEMAS
        .iter()
        .find(|schema| schema.name == name)
        .ok_or_else(|| PyValueError::new_err(format!("no response class {name}")))?;
    BaseModel::of_text(schema, Bytes::copy_from_slice(json))?
        .with_request_id(request_id)
        .wrap(py)
}
