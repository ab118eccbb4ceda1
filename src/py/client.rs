//! `Core`: what both clients are made of. It turns a call's arguments into a request and drives it on either surface.

use std::sync::{Arc, Mutex};

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};
use reqwest::header::HeaderMap;

use super::arguments::{
    Key, check_proxy, compress_of, cost_of, count_of, http_version_of, identity_of, key_of, parse_base_url,
    text_argument, verify_of, wanted,
};
use super::asyncio::Ready;
use super::chat::{as_messages, chat_body};
use super::errors::configuration;
use super::json::is_left_out;
use super::model::schema_of;
use super::payload::{change_headers, header_changes, query_pairs};
use super::reply::{Output, members_of};
use super::request::{Asked, LastHeaders, Options};
use super::settings::{PyLimits, PyRetryPolicy, PyTimeout, max_retries_of, timeouts_of};
use super::stream::kind_of;
use super::types::ChatCompletion;
use crate::config::{BaseUrl, LastUrl, Limits, Secret, Timeouts, base_url_from_env, key_from_env};
use crate::json::find;
use crate::ledger::{Ledger, Totals};
use crate::lock::lock;
use crate::reader::Kind;
use crate::retry::RetryPolicy;
use crate::session::Session;
use crate::transport::TransportConfig;

/// What can be changed on a living client.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) base_url: BaseUrl,
    pub(super) timeouts: Timeouts,
    /// Bodies of more bytes are compressed.
    pub(super) compress_above: Option<usize>,
    /// What all calls together may cost, in USD.
    pub(super) max_cost: Option<f64>,
    pub(super) retry: RetryPolicy,
    pub(super) limits: PyLimits,
    pub(super) headers: HeaderMap,
    pub(super) query: Vec<(String, String)>,
    /// The latest URL that was made of these settings alone, by its path: most calls of a client go to one place.
    pub(super) last_url: LastUrl,
    /// The latest headers.
    pub(super) last_headers: LastHeaders,
}

/// What both clients are made of.
#[pyclass(frozen, module = "tokstream._tokstream")]
pub struct Core {
    asynchronous: bool,
    pub(super) session: Arc<Session>,
    transport: TransportConfig,
    pub(super) key: Mutex<Key>,
    pub(super) settings: Mutex<Arc<Settings>>,
    pub(super) ledger: Arc<Ledger>,
}

#[pymethods]
impl Core {
    #[new]
    #[pyo3(signature = (*, asynchronous, base_url, api_key, timeout, max_retries, retry, limits, headers, query, proxy, verify, cert, http2, compress, max_cost, share))]
    #[expect(clippy::too_many_arguments, reason = "the clients' own arguments, each once")]
    fn new(
        py: Python<'_>,
        asynchronous: bool,
        base_url: Option<&Bound<'_, PyAny>>,
        api_key: Option<&Bound<'_, PyAny>>,
        timeout: &Bound<'_, PyAny>,
        max_retries: &Bound<'_, PyAny>,
        retry: Option<&Bound<'_, PyAny>>,
        limits: Option<&Bound<'_, PyAny>>,
        headers: Option<&Bound<'_, PyAny>>,
        query: Option<&Bound<'_, PyAny>>,
        proxy: Option<&Bound<'_, PyAny>>,
        verify: &Bound<'_, PyAny>,
        cert: Option<&Bound<'_, PyAny>>,
        http2: Option<&Bound<'_, PyAny>>,
        compress: &Bound<'_, PyAny>,
        max_cost: Option<&Bound<'_, PyAny>>,
        share: Option<&Bound<'_, Self>>,
    ) -> PyResult<Self> {
        let base_url = match base_url {
            Some(given) => parse_base_url(given)?,
            None => BaseUrl::parse(&base_url_from_env()).map_err(|e| configuration(py, &e.to_string()))?,
        };
        let transport = TransportConfig {
            proxy: proxy
                .map(|url| text_argument(url, "proxy"))
                .transpose()?
                .map(check_proxy(py))
                .transpose()?,
            verify: verify_of(verify)?,
            identity: cert.map(identity_of).transpose()?,
            http: http_version_of(http2)?,
        };
        let mut policy = match retry {
            Some(policy) => wanted::<PyRetryPolicy>(policy, "retry", "RetryPolicy")?.0.clone(),
            None => RetryPolicy::default(),
        };
        if let Some(count) = count_of(max_retries)? {
            policy.max_retries = count;
        }
        let limits = match limits {
            Some(limits) => wanted::<PyLimits>(limits, "limits", "Limits")?.clone(),
            None => PyLimits::from(Limits::default()),
        };
        let settings = Settings {
            timeouts: timeouts_of(timeout, &Timeouts::default())?,
            compress_above: compress_of(compress)?,
            max_cost: max_cost.map(cost_of).transpose()?,
            retry: policy,
            limits,
            headers: {
                let mut all = HeaderMap::new();
                change_headers(&mut all, header_changes(headers)?);
                all
            },
            query: query
                .map(|query| query_pairs(query, "default_query"))
                .transpose()?
                .unwrap_or_default(),
            base_url,
            last_url: LastUrl::default(),
            last_headers: LastHeaders::default(),
        };
        let shared = share.map(Bound::get).filter(|other| {
            other.transport == transport && lock(&other.settings).base_url.is_tls() == settings.base_url.is_tls()
        });
        let session = match shared {
            Some(other) => Arc::clone(&other.session),
            None => Arc::new(Session::new(transport.clone(), settings.base_url.is_tls())),
        };
        Ok(Self {
            asynchronous,
            session,
            transport,
            key: Mutex::new(match (api_key, share) {
                (Some(mark), Some(other)) if is_left_out(mark)? => lock(&other.get().key).clone_for(py),
                _ => key_of(api_key)?,
            }),
            settings: Mutex::new(Arc::new(settings)),
            ledger: share.map_or_else(Arc::default, |other| Arc::clone(&other.get().ledger)),
        })
    }

    /// The base URL, without a slash at its end.
    #[getter]
    fn base_url(&self) -> String {
        lock(&self.settings).base_url.as_str().to_owned()
    }

    #[setter]
    fn set_base_url(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let base_url = parse_base_url(value)?;
        if base_url.is_tls() != lock(&self.settings).base_url.is_tls() {
            return Err(configuration(
                py,
                "base_url cannot change between http and https on a living client; use with_options(base_url=…)",
            ));
        }
        self.change(|settings| settings.base_url = base_url);
        Ok(())
    }

    /// The key: the one given, or the environment's; a callable as it is.
    #[getter]
    fn api_key(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let text = |key: &Secret| PyString::new(py, key.expose()).into_any().unbind();
        match &*lock(&self.key) {
            Key::Given(key) => Some(text(key)),
            Key::Callable(callable) => Some(callable.clone_ref(py)),
            Key::Environment => key_from_env().as_ref().map(text),
        }
    }

    #[setter]
    fn set_api_key(&self, value: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let key = key_of(value)?;
        let before = std::mem::replace(&mut *lock(&self.key), key);
        drop(before);
        lock(&self.settings).last_headers.forget();
        Ok(())
    }

    #[getter]
    fn timeout(&self) -> PyTimeout {
        PyTimeout(lock(&self.settings).timeouts)
    }

    #[setter]
    fn set_timeout(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let timeouts = timeouts_of(value, &Timeouts::default())?;
        self.change(|settings| settings.timeouts = timeouts);
        Ok(())
    }

    #[getter]
    fn max_retries(&self) -> u32 {
        lock(&self.settings).retry.max_retries
    }

    #[setter]
    fn set_max_retries(&self, py: Python<'_>, value: i64) -> PyResult<()> {
        let count = max_retries_of(py, value)?;
        self.change(|settings| settings.retry.max_retries = count);
        Ok(())
    }

    #[getter]
    fn max_cost(&self) -> Option<f64> {
        lock(&self.settings).max_cost
    }

    #[setter]
    fn set_max_cost(&self, value: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let limit = value.map(cost_of).transpose()?;
        self.change(|settings| settings.max_cost = limit);
        Ok(())
    }

    #[getter]
    fn retry(&self) -> PyRetryPolicy {
        PyRetryPolicy(lock(&self.settings).retry.clone())
    }

    #[getter]
    fn limits(&self) -> PyLimits {
        lock(&self.settings).limits.clone()
    }

    #[getter]
    fn is_closed(&self) -> bool {
        self.session.is_closed()
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| self.session.close());
    }

    /// The key's function may be a method of an object that holds the client.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // A key that is being set right now is looked at the next time.
        match self.key.try_lock().as_deref() {
            Ok(Key::Callable(callable)) => visit.call(callable),
            _ => Ok(()),
        }
    }

    fn __clear__(&self) {
        let before = std::mem::replace(&mut *lock(&self.key), Key::Environment);
        drop(before);
    }

    /// Adds what a reply says that was read as bytes; its request has been counted.
    fn count(&self, body: &[u8]) {
        let members = members_of(body);
        self.ledger.add_usage(find(&members, "usage"), find(&members, "model"));
    }

    /// (requests, prompt tokens, completion tokens, total tokens, cost in USD) of all calls so far.
    fn totals(&self) -> Parts {
        parts(self.ledger.totals())
    }

    /// The same for each model by its name.
    fn totals_by_model(&self) -> Vec<(String, Parts)> {
        let totals = self.ledger.by_model();
        totals
            .into_iter()
            .map(|(model, totals)| (model, parts(totals)))
            .collect()
    }

    /// Sends a request whose reply is read whole; returns what becomes of it, or an awaitable of that.
    #[pyo3(signature = (method, path, body, output, options, api_key=None))]
    #[expect(clippy::too_many_arguments, reason = "a request's parts, each once")]
    fn send<'py>(
        &self,
        py: Python<'py>,
        method: &str,
        path: &str,
        body: Option<&Bound<'py, PyAny>>,
        output: Option<&Bound<'py, PyAny>>,
        options: &Bound<'py, PyTuple>,
        api_key: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let output = match output {
            None => Output::Json,
            Some(class) => match class.cast::<PyType>() {
                Ok(class) => Output::Model(schema_of(class)?),
                Err(_) => Output::Raw,
            },
        };
        let options = &Options::of(options)?;
        let asked = Asked {
            method,
            path,
            body,
            api_key,
            options,
        };
        self.whole(py, &asked, "application/json", output)
    }

    /// Asks for the next message of a conversation, with what `create` is given; returns the reply or a stream of it, or an
    /// awaitable of that.
    #[expect(clippy::too_many_arguments, reason = "what `create` is given, each once")]
    fn chat<'py>(
        &self,
        py: Python<'py>,
        messages: &Bound<'py, PyAny>,
        model: &Bound<'py, PyAny>,
        stream: &Bound<'py, PyAny>,
        params: &Bound<'py, PyDict>,
        headers: Option<Bound<'py, PyAny>>,
        query: Option<Bound<'py, PyAny>>,
        extra_body: Option<Bound<'py, PyAny>>,
        timeout: Bound<'py, PyAny>,
    ) -> PyResult<Py<PyAny>> {
        let body = chat_body(&as_messages(messages)?, model, stream, params)?.into_any();
        let options = Options::of_a_call(headers, query, extra_body, timeout);
        let asked = Asked {
            method: "POST",
            path: "/chat/completions",
            body: Some(&body),
            api_key: None,
            options: &options,
        };
        if stream.is_truthy()? {
            self.streamed(py, &asked, Kind::Chat)
        } else {
            self.whole(py, &asked, "application/json", Output::Model(ChatCompletion::SCHEMA))
        }
    }

    /// Opens a connection for the next request; returns nothing, or an awaitable of that.
    fn warm_up<'py>(&self, py: Python<'py>, options: &Bound<'py, PyTuple>) -> PyResult<Py<PyAny>> {
        let asked = Asked {
            method: "HEAD",
            path: "",
            body: None,
            api_key: None,
            options: &Options::of(options)?,
        };
        self.whole(py, &asked, "*/*", Output::Nothing)
    }

    /// Sends a request whose reply is a stream of `kind`; returns the stream, or an awaitable of it.
    #[pyo3(signature = (method, path, body, kind, options, api_key=None))]
    #[expect(clippy::too_many_arguments, reason = "a request's parts, each once")]
    fn open<'py>(
        &self,
        py: Python<'py>,
        method: &str,
        path: &str,
        body: Option<&Bound<'py, PyAny>>,
        kind: &str,
        options: &Bound<'py, PyTuple>,
        api_key: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let options = &Options::of(options)?;
        let asked = Asked {
            method,
            path,
            body,
            api_key,
            options,
        };
        self.streamed(py, &asked, kind_of(kind)?)
    }
}

impl Core {
    fn whole(
        &self,
        py: Python<'_>,
        asked: &Asked<'_, '_>,
        accept: &'static str,
        output: Output,
    ) -> PyResult<Py<PyAny>> {
        match self.request(py, asked, accept) {
            Ok((request, account)) if self.asynchronous => self.whole_awaited(py, request, account, output),
            Ok((request, account)) => self.whole_blocking(py, &request, &account, &output),
            Err(error) => self.refuse(py, error),
        }
    }

    fn streamed(&self, py: Python<'_>, asked: &Asked<'_, '_>, kind: Kind) -> PyResult<Py<PyAny>> {
        let accept = if kind == Kind::Bytes {
            "application/json"
        } else {
            "text/event-stream"
        };
        match self.request(py, asked, accept) {
            Ok((request, account)) if self.asynchronous => self.stream_awaited(py, request, account, kind),
            Ok((request, account)) => self.stream_blocking(py, request, account, kind),
            Err(error) => self.refuse(py, error),
        }
    }

    /// The error of a call that cannot be made: now, or when it is awaited.
    fn refuse(&self, py: Python<'_>, error: PyErr) -> PyResult<Py<PyAny>> {
        if self.asynchronous {
            failed(py, error)
        } else {
            Err(error)
        }
    }

    fn change(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = lock(&self.settings);
        let settings = Arc::make_mut(&mut settings);
        change(settings);
        settings.last_url = LastUrl::default();
        settings.last_headers = LastHeaders::default();
    }
}

/// Totals as `tokstream.Usage` takes them.
type Parts = (u64, u64, u64, u64, f64);

fn parts(totals: Totals) -> Parts {
    (
        totals.requests,
        totals.prompt_tokens,
        totals.completion_tokens,
        totals.total_tokens,
        totals.estimated_cost,
    )
}

/// An awaitable that raises `error`.
///
/// # Errors
/// Where Python has no memory for it.
pub fn failed(py: Python<'_>, error: PyErr) -> PyResult<Py<PyAny>> {
    Ok(Py::new(py, Ready::awaitable(Err(error)))?.into_any())
}

/// An awaitable that raises the exception that it is given.
#[pyfunction]
#[pyo3(name = "_failed")]
pub fn failed_with(py: Python<'_>, error: Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    failed(py, PyErr::from_value(error))
}
