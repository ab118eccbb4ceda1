//! Where sockets that are waited for cannot be relied on after a wait without success, there is no connection driven by hand.

use std::sync::Arc;
use std::task::Context;

use super::{Answer, ConnectProbe, Transport};
use crate::error::Error;
use crate::exchange::Request;

/// There is none.
#[derive(Debug)]
pub enum Direct {}

impl Direct {
    /// None.
    #[must_use]
    pub fn new(_transport: &Arc<Transport>, _base_is_tls: bool) -> Option<Self> {
        None
    }

    /// Nothing is sent.
    ///
    /// # Errors
    /// None.
    pub async fn execute(
        &self,
        _request: &Request,
        _probe: &Arc<ConnectProbe>,
        _proxied: bool,
    ) -> Result<Answer, Error> {
        match *self {}
    }

    /// Nothing is closed.
    pub fn close(&self) {
        match *self {}
    }

    /// Nothing is driven.
    pub fn turn(&self, _context: &mut Context<'_>) {
        match *self {}
    }

    /// There is none.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match *self {}
    }

    /// There is none.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        match *self {}
    }

    /// There is none.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        match *self {}
    }

    /// Nothing is waited for.
    pub fn wait(&self, _context: &mut Context<'_>) -> bool {
        match *self {}
    }

    /// Nothing is read.
    pub fn look(&self, _context: &mut Context<'_>) -> bool {
        match *self {}
    }
}
