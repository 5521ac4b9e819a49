//! Every request once, before anything is measured: a load test of failures measures nothing.

use std::sync::Arc;

use anyhow::Result;

use super::connection::Sender;
use super::{Tally, Target};
use crate::verbs::bench::traffic::Call;

/// Sends each request once, one after the other, and gives what is not as expected.
pub(in crate::verbs::bench) fn rehearse(target: &Target, calls: &Arc<[Call]>) -> Result<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut sender = Sender::connect(target).await?;
        let mut tally = Tally::new()?;
        for (number, call) in calls.iter().enumerate() {
            match sender.send(target, call).await {
                Ok(answered) if call.is_right(answered.status) => {}
                Ok(answered) => tally.unexpected(number, &call.name, answered.status, &answered.begin),
                Err(why) => {
                    tally.failed(&format!("{}: {why}", call.name));
                    sender = Sender::connect(target).await?;
                }
            }
        }
        Ok(tally.complaints())
    })
}
