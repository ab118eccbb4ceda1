//! One call: attempts, the waits between them, the four clocks, and a whole reply's bytes.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, StatusCode, Url, Version};
use tokio::sync::MutexGuard;
use tokio::task::coop::unconstrained;
use tokio::time::Instant;

use crate::api_error::{ErrorBody, printable};
use crate::body::{Body, Joined};
use crate::config::{Limits, Timeouts, redact_url};
use crate::decode::ACCEPTED;
use crate::error::{Cause, Error, Failure, Head, Phase};
use crate::headers::Headers;
use crate::json::is_object;
use crate::retry::{Budget, Outcome, RetryPolicy, parse_retry_after, parse_should_retry};
use crate::session::{Line, looked};
use crate::transport::{Answer, ConnectProbe};

/// One request as a value: every attempt is built from it anew.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The address, query included.
    pub url: Url,
    /// All headers.
    pub headers: Arc<HeaderMap>,
    /// The body; its bytes are shared by all attempts.
    pub body: Option<Bytes>,
    /// The four clocks.
    pub timeouts: Timeouts,
    /// Bounds on the reply.
    pub limits: Limits,
    /// When to try again.
    pub retry: RetryPolicy,
}

impl Request {
    /// The same as reqwest has it.
    #[must_use]
    pub fn to_reqwest(&self) -> reqwest::Request {
        let mut request = reqwest::Request::new(self.method.clone(), self.url.clone());
        request.headers_mut().clone_from(&self.headers);
        *request.body_mut() = self.body.clone().map(reqwest::Body::from);
        request
    }
}

/// What a call took, readable while it goes on.
#[derive(Debug, Default)]
pub struct Progress {
    retries: AtomicU32,
    connect_micros: AtomicU32,
}

impl Progress {
    /// Attempts made after the first.
    pub fn retries(&self) -> u32 {
        self.retries.load(Ordering::Relaxed)
    }

    /// How long the last attempt's connection took to make; zero where one was at hand.
    pub fn connect(&self) -> Duration {
        Duration::from_micros(self.connect_micros.load(Ordering::Relaxed).into())
    }
}

/// A reply whose body has been read whole.
#[derive(Debug)]
pub struct Reply {
    /// Status and headers.
    pub head: Arc<Head>,
    /// The body, decompressed.
    pub body: Bytes,
}

/// A reply whose head has come and whose body is still to be read.
#[derive(Debug)]
pub struct Opened {
    /// Status and headers.
    pub head: Arc<Head>,
    /// The body's bytes as they come.
    pub body: Body,
    /// When the attempt that brought it began.
    pub began: Instant,
}

static NEXT_NUMBER: AtomicU64 = AtomicU64::new(0);

/// One call under way: the request, the connections it may use and what has become of it so far.
#[derive(Debug)]
pub struct Call {
    request: Arc<Request>,
    line: Line,
    proxied: bool,
    began: Instant,
    progress: Arc<Progress>,
    budget: Arc<Budget>,
    /// Tells this call from others of its client.
    number: u64,
}

impl Call {
    /// A call that is about to begin: its total clock starts now.
    #[must_use]
    pub fn new(request: Arc<Request>, line: Line, proxied: bool, budget: Arc<Budget>) -> Self {
        Self {
            request,
            line,
            proxied,
            began: Instant::now(),
            progress: Arc::default(),
            budget,
            number: NEXT_NUMBER.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// What the call took so far.
    #[must_use]
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// When the call began.
    #[must_use]
    pub fn began(&self) -> Instant {
        self.began
    }

    /// Whether a proxy stands in between.
    #[must_use]
    pub fn is_proxied(&self) -> bool {
        self.proxied
    }

    /// Whether its connection is looked at when it is taken, and no other that could be.
    #[must_use]
    pub fn looks_itself(&self) -> bool {
        !self.proxied && !self.line.has_tasks()
    }

    /// The request.
    #[must_use]
    pub fn request(&self) -> &Arc<Request> {
        &self.request
    }

    /// Attempts until a reply with a status of success has come, and no more of it than its head.
    ///
    /// # Errors
    /// What the last attempt failed with.
    pub async fn open(&self) -> Result<Opened, Failure> {
        self.within_total(pin!(self.attempts(|opened| async { Ok(opened) })))
            .await
    }

    /// Attempts until a reply with a status of success has come whole.
    ///
    /// # Errors
    /// What the last attempt failed with.
    pub async fn whole(&self) -> Result<Reply, Failure> {
        let whole = self
            .within_total(pin!(self.attempts(|opened| self.read_whole(opened))))
            .await?;
        self.succeeded();
        Ok(whole)
    }

    /// An answer has come, whole or the first of it.
    pub fn succeeded(&self) {
        self.budget.give_back();
    }

    /// Waits as the policy says before another attempt, if the client's budget has one left.
    ///
    /// # Errors
    /// `failure` itself where there is nothing to be gained by another attempt.
    pub async fn wait_to_retry(&self, failure: Failure) -> Result<(), Failure> {
        let taken = self.progress.retries();
        let Some(delay) =
            outcome(&failure).and_then(|outcome| self.request.retry.next(taken, &outcome, fastrand::f64()))
        else {
            return Err(failure);
        };
        if !self.budget.take(self.number, std::time::Instant::now()) {
            return Err(failure);
        }
        tokio::time::sleep(delay).await;
        self.progress.retries.store(taken + 1, Ordering::Relaxed);
        Ok(())
    }

    /// Ends `work` when the whole call's time is over.
    ///
    /// # Errors
    /// `work`'s own, or a timeout of phase total.
    pub async fn within_total<T>(
        &self,
        work: Pin<&mut impl Future<Output = Result<T, Failure>>>,
    ) -> Result<T, Failure> {
        let Some(limit) = self.request.timeouts.total else {
            return work.await;
        };
        tokio::select! {
            biased;
            done = work => done,
            limit = expired(self.began, Some(limit), || true) => {
                Err(self.failure(Error::Timeout { phase: Phase::Total, limit }, None))
            }
        }
    }

    /// An error with what is known of this call.
    #[must_use]
    pub fn failure(&self, error: Error, head: Option<Arc<Head>>) -> Failure {
        Failure {
            error,
            head,
            retries: self.progress.retries(),
        }
    }

    async fn attempts<T, F>(&self, read: impl Fn(Opened) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        loop {
            let attempt = async {
                let opened = self.attempt().await?;
                if (200..300).contains(&opened.head.status) {
                    read(opened).await
                } else {
                    Err(self.refused(opened).await)
                }
            };
            match attempt.await {
                Ok(done) => return Ok(done),
                Err(failure) => self.wait_to_retry(failure).await?,
            }
        }
    }

    /// One attempt, up to the reply's head.
    async fn attempt(&self) -> Result<Opened, Failure> {
        let request = &self.request;
        let began = Instant::now();
        let Timeouts {
            connect, first_token, ..
        } = request.timeouts;
        let late = || expired(began, first_token, || true);
        let mut first = tokio::select! {
            biased;
            first = self.first_of_line() => first,
            limit = late() => return Err(self.failure(Error::Timeout { phase: Phase::FirstToken, limit }, None)),
        };
        let probe = ConnectProbe::new();
        let mut sent = pin!(self.line.execute(request, &probe, self.proxied));
        // Where the time for both is the same, the connection's comes first.
        let connecting_since = if self.line.gate.is_some() {
            Instant::now()
        } else {
            began
        };
        let mut unconnected = pin!(expired(connecting_since, connect, || probe.is_connecting()));
        let mut unanswered = pin!(late());
        let answered = loop {
            tokio::select! {
                biased;
                answered = sent.as_mut() => break answered,
                () = probe.connected(), if first.is_some() => {
                    if let Some(gate) = &self.line.gate {
                        gate.open();
                    }
                    first = None;
                }
                limit = unconnected.as_mut() => {
                    return Err(self.failure(Error::Timeout { phase: Phase::Connect, limit }, None));
                }
                limit = unanswered.as_mut() => {
                    return Err(self.failure(Error::Timeout { phase: Phase::FirstToken, limit }, None));
                }
            }
        };
        let answer = answered.map_err(|error| self.failure(error, None))?;
        let connect_micros = u32::try_from(probe.took().as_micros()).unwrap_or(u32::MAX);
        self.progress.connect_micros.store(connect_micros, Ordering::Relaxed);
        let head = Arc::new(head_of(&answer));
        let body = Body::of(answer, self.proxied).map_err(|coding| {
            let detail = format!("The reply is encoded as {coding:?}, which is not understood; {ACCEPTED} are");
            self.failure(Error::invalid(detail), Some(Arc::clone(&head)))
        })?;
        Ok(Opened { head, body, began })
    }

    /// Waits for the connection that all calls of a line are to share; `Some` where this call is the one to make it.
    async fn first_of_line(&self) -> Option<MutexGuard<'_, ()>> {
        match &self.line.gate {
            Some(gate) => gate.pass().await,
            None => None,
        }
    }

    async fn read_whole(&self, opened: Opened) -> Result<Reply, Failure> {
        let Opened { head, mut body, began } = opened;
        let Timeouts { first_token, read, .. } = self.request.timeouts;
        let most = self.request.limits.body_bytes;
        let mut whole = Joined::default();
        loop {
            let (since, limit, phase) = if whole.is_empty() {
                (began, first_token, Phase::FirstToken)
            } else {
                (Instant::now(), read, Phase::Read)
            };
            let next = tokio::select! {
                biased;
                next = body.chunk() => next,
                limit = expired(since, limit, || true) => Err(Error::Timeout { phase, limit }),
            };
            match next {
                Ok(Some(bytes)) => match whole.push_within(bytes, most) {
                    Ok(()) => {}
                    Err(error) => return Err(self.failure(error, Some(head))),
                },
                Ok(None) => {
                    return Ok(Reply {
                        head,
                        body: whole.into_bytes(),
                    });
                }
                Err(error) => return Err(self.failure(error, Some(head))),
            }
        }
    }

    /// What a reply that is no success says; its body is read as far as the bound and the clocks allow.
    async fn refused(&self, opened: Opened) -> Failure {
        let Opened { head, mut body, .. } = opened;
        let Limits { error_body_bytes, .. } = self.request.limits;
        let mut raw = Joined::default();
        let mut is_cut = false;
        let began = Instant::now();
        loop {
            let next = tokio::select! {
                biased;
                next = body.chunk() => next,
                // Of the whole body: one that drips is not waited for.
                _ = expired(began, self.request.timeouts.read, || true) => break,
            };
            // What the server managed to say of its error is worth more than how the connection then ended.
            let Ok(Some(bytes)) = next else { break };
            let room = error_body_bytes.saturating_sub(raw.len());
            if bytes.len() > room {
                raw.push(bytes.slice(..room));
                is_cut = true;
                break;
            }
            raw.push(bytes);
        }
        let raw = raw.into_bytes();
        let kind = head.header(CONTENT_TYPE.as_str());
        let mut body = Box::new(ErrorBody::decode(kind, &raw));
        let status =
            StatusCode::from_u16(head.status).map_or_else(|_| head.status.to_string(), |status| status.to_string());
        if (300..400).contains(&head.status) {
            let to = head
                .header("location")
                .map_or_else(|| "nowhere".to_owned(), shown_location);
            body.message = format!(
                "The server answered {status}, a redirect to {to} that is not followed: only 307 and 308 to the same origin are, and none in circles"
            );
        } else if body.message.is_empty() {
            body.message = format!("The server answered {status} and said nothing of it");
        } else if !body.message.contains(char::is_alphabetic)
            || kind.is_some_and(|kind| kind.contains("json")) && !std::str::from_utf8(&raw).is_ok_and(is_object)
        {
            body.message = format!("The server answered {status}: {}", body.message);
        }
        if is_cut {
            let note = format!(" (cut: it is larger than Limits(error_body_bytes={error_body_bytes}) allows)");
            body.message.push_str(&note);
        }
        let retry_after = parse_retry_after(|name| head.header(name), SystemTime::now());
        self.failure(Error::Status { body, raw, retry_after }, Some(head))
    }
}

/// A redirect's target, fit to be shown.
fn shown_location(to: &str) -> String {
    let shown = Url::parse(to).map(|mut url| {
        url.set_query(None);
        redact_url(&url)
    });
    printable(&shown.unwrap_or_else(|_| to.split('?').next().unwrap_or_default().to_owned()))
}

/// Whether another attempt would end alike: it would meet the same certificate, and what is no HTTP was an answer too.
fn is_final(cause: Cause) -> bool {
    matches!(cause, Cause::Tls | Cause::Protocol)
}

/// What the retry policy needs to know of a failure; `None` where no retry can help.
fn outcome(failure: &Failure) -> Option<Outcome> {
    match &failure.error {
        Error::Connection { cause, .. } if !is_final(*cause) => Some(Outcome::Connection),
        Error::Timeout {
            phase: Phase::Connect | Phase::FirstToken | Phase::Read,
            ..
        } => Some(Outcome::Connection),
        Error::Status { body, retry_after, .. } => {
            let head = failure.head.as_ref()?;
            Some(Outcome::Status {
                status: head.status,
                retry_after: *retry_after,
                should_retry: parse_should_retry(|name| head.header(name)),
                curable: body.is_curable(head.status),
            })
        }
        Error::Connection { .. }
        | Error::Timeout {
            phase: Phase::Total, ..
        }
        | Error::Truncated { .. }
        | Error::InStream { .. }
        | Error::Validation { .. }
        | Error::Configuration(_)
        | Error::Closed => None,
    }
}

/// Resolves to `limit` when it has passed since `since` and `counts` then says that this clock is the one running.
async fn expired(since: Instant, limit: Option<Duration>, counts: impl Fn() -> bool) -> Duration {
    if let Some(limit) = limit {
        // Its own budget: bytes that amount to nothing would use up the common one, and no clock would ever run out.
        unconstrained(tokio::time::sleep_until(since + limit)).await;
        looked().await;
        if counts() {
            return limit;
        }
    }
    std::future::pending().await
}

fn head_of(answer: &Answer) -> Head {
    Head {
        status: answer.status().as_u16(),
        headers: Headers::of(answer.headers()),
        http_version: if answer.version() == Version::HTTP_2 {
            "HTTP/2"
        } else {
            "HTTP/1.1"
        },
    }
}
