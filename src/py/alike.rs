//! Chunks that differ in their content alone, which is nearly all of them: what they have in common is made once.

use std::sync::Arc;

use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use super::model::{BaseModel, Values, position};
use super::types::{ChatCompletionChunk, ChoiceDelta, ChunkChoice};
use crate::chunk::Template;

const CHOICES: usize = position(ChatCompletionChunk::SCHEMA.fields, "choices");
const DELTA: usize = position(ChunkChoice::SCHEMA.fields, "delta");
const CONTENT: usize = position(ChoiceDelta::SCHEMA.fields, "content");

/// The values that chunks of one template share.
#[derive(Debug)]
pub struct Shared {
    /// What they are like.
    pub template: Arc<Template>,
    chunk: Arc<Values>,
    choice: Arc<Values>,
    delta: Arc<Values>,
}

impl Shared {
    /// What a template's chunks share.
    ///
    /// # Errors
    /// Where a value cannot be made a Python object.
    pub fn of(py: Python<'_>, template: &Arc<Template>) -> PyResult<Self> {
        let values = |schema, json: &Bytes, own| Values::of(py, schema, json, Some(own)).map(Arc::new);
        let data = template.data();
        Ok(Self {
            chunk: values(ChatCompletionChunk::SCHEMA, data, CHOICES)?,
            choice: values(ChunkChoice::SCHEMA, &template.choice.slice(data), DELTA)?,
            delta: values(ChoiceDelta::SCHEMA, &template.delta.slice(data), CONTENT)?,
            template: Arc::clone(template),
        })
    }

    /// The chunk of this data and content.
    ///
    /// # Errors
    /// Where Python has no memory for it.
    pub fn chunk(&self, py: Python<'_>, data: &Bytes, content: &str) -> PyResult<Py<PyAny>> {
        let content = PyString::new(py, content).into_any().unbind();
        let delta = self.template.delta.slice(data);
        let delta =
            BaseModel::sharing(ChoiceDelta::SCHEMA, delta, Arc::clone(&self.delta), (CONTENT, content)).wrap(py)?;
        let choice = self.template.choice.slice(data);
        let choice =
            BaseModel::sharing(ChunkChoice::SCHEMA, choice, Arc::clone(&self.choice), (DELTA, delta)).wrap(py)?;
        let choices = PyList::new(py, [choice])?.into_any().unbind();
        BaseModel::sharing(
            ChatCompletionChunk::SCHEMA,
            data.clone(),
            Arc::clone(&self.chunk),
            (CHOICES, choices),
        )
        .wrap(py)
    }
}
