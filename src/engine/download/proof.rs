// SPDX-License-Identifier: MIT OR Apache-2.0
//! Stored bytes are read again before they count.

use otakit_core::digest::Hasher;

use super::{Checkpoint, Failure, Run, Watch};

impl Run<'_, '_, '_> {
    /// How far an earlier life got with this very image, as far as the stored bytes prove it.
    pub(super) fn recall(&mut self, watch: Watch<'_>) -> Result<Option<Checkpoint>, Failure> {
        let offer = self.offer;
        let Some(journal) = self.storage.journal() else { return Ok(None) };
        let records = journal.load();
        let mut told: Vec<(usize, Checkpoint)> = records
            .iter()
            .enumerate()
            .filter_map(|(index, record)| Some((index, Checkpoint::decode(record, offer)?)))
            .filter(|(_, checkpoint)| checkpoint.offset > 0)
            .collect();
        if told.is_empty() {
            if !records.is_empty() {
                crate::log!(Info, "download", "journal is torn or of another image: dropped");
            }
            return Ok(None);
        }
        if !self.storage.sink().can_read() {
            return Ok(told.into_iter().next().map(|(_, checkpoint)| checkpoint));
        }
        told.sort_by_key(|(_, checkpoint)| checkpoint.offset);
        let proven = match self.prove(&told, watch)? {
            None if told.last().is_some_and(|(_, last)| last.offset == offer.size)
                && self.storage.sink().adopt(offer.size) =>
            {
                self.adopted = true;
                self.prove(&told, watch)?.filter(|(_, checkpoint)| checkpoint.offset == offer.size)
            }
            proven => proven,
        };
        let Some((index, checkpoint)) = proven else {
            crate::log!(Warning, "download", "stored bytes are not those of the journal: dropped");
            return Ok(None);
        };
        self.proven = checkpoint.offset;
        // What is built on has to be as durable as the journal will say.
        self.storage.sink().sync()?;
        if let Some(journal) = self.storage.journal() {
            let _ = journal.settle(index);
        }
        Ok(Some(checkpoint))
    }

    /// The last of the checkpoints, in ascending order, that the stored bytes agree with.
    fn prove(
        &mut self,
        told: &[(usize, Checkpoint)],
        watch: Watch<'_>,
    ) -> Result<Option<(usize, Checkpoint)>, Failure> {
        let (mut hasher, mut at, mut proven) = (self.offer.hasher(), 0, None);
        let stored = self.storage.sink().stored();
        for (index, checkpoint) in told.iter().filter(|(_, checkpoint)| checkpoint.offset <= stored) {
            match self.read_through(&mut hasher, at, checkpoint.offset, watch) {
                Ok(true) => {}
                // What cannot be read is not there.
                Ok(false) | Err(Failure::Store(_)) => break,
                Err(failure) => return Err(failure),
            }
            at = checkpoint.offset;
            if hasher.agrees(&checkpoint.hasher) {
                proven = Some((*index, checkpoint.clone()));
            }
        }
        Ok(proven)
    }

    /// Reads the whole image once more out of the sink, where that was not done at the start.
    pub(super) fn prove_all(&mut self, watch: Watch<'_>) -> Result<(), Failure> {
        let size = self.offer.size;
        if !self.storage.sink().can_read() || self.proven == size {
            return Ok(());
        }
        let mut hasher = self.offer.hasher();
        let read = self.read_through(&mut hasher, 0, size, watch)?;
        let right = hasher.finish(self.offer.digest.algorithm());
        if read && right.is_some_and(|digest| self.offer.digest.matches(&digest)) {
            return Ok(());
        }
        Err(self.storage.is_not_what_was_written())
    }

    /// Digests the stored bytes `at..end`; `false` when fewer are there.
    fn read_through(
        &mut self,
        hasher: &mut Hasher,
        at: u64,
        end: u64,
        watch: Watch<'_>,
    ) -> Result<bool, Failure> {
        self.storage.read_through(at, end, &mut |bytes| hasher.update(bytes), watch)
    }
}
