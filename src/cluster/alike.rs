//! Many calls at once.

use std::future::Future;
use std::sync::Arc;

use smol::lock::Semaphore;
use smol::{Executor, Task};

/// Calls under way at once: each holds a connection.
const AT_ONCE: usize = 64;

/// Does all of them, many at once; returns what they return, in their order.
pub(super) async fn all<'a, T, F>(futures: impl IntoIterator<Item = F>) -> Vec<T>
where
    T: Send + 'a,
    F: Future<Output = T> + Send + 'a,
{
    let executor = Executor::new();
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let tasks: Vec<Task<T>> = futures
        .into_iter()
        .map(|future| {
            let places = Arc::clone(&places);
            executor.spawn(async move {
                let _place = places.acquire().await;
                future.await
            })
        })
        .collect();
    let gathered = async {
        let mut results = Vec::with_capacity(tasks.len());
        for task in tasks {
            results.push(task.await);
        }
        results
    };
    executor.run(gathered).await
}

/// Makes calls that may fail, many at once; returns what they return, in their order, or the first
/// error.
///
/// # Errors
/// As a call says.
pub async fn try_all<'a, T, E, F>(futures: impl IntoIterator<Item = F>) -> Result<Vec<T>, E>
where
    T: Send + 'a,
    E: Send + 'a,
    F: Future<Output = Result<T, E>> + Send + 'a,
{
    all(futures).await.into_iter().collect()
}
