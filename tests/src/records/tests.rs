use std::fs::File;
use std::os::unix::fs::FileExt;

use super::*;

fn record(number: u64) -> Record {
    Record {
        number,
        time: 1_700_000_000_000 + number,
        host: "p-hive0".into(),
    }
}

fn file(count: u64) -> File {
    let file = tempfile::tempfile().unwrap();
    for number in 1..=count {
        append(&file, &record(number)).unwrap();
    }
    file
}

fn verified(file: &File, acknowledged: u64) -> Result<Vec<Record>, Fault> {
    use std::io::Seek;
    let mut file = file;
    file.rewind().unwrap();
    verify(file, acknowledged).unwrap()
}

#[test]
fn the_checksum_is_the_usual_one() {
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
}

#[test]
fn what_was_written_is_read_and_gone_on_with() {
    let file = file(5);
    assert_eq!(next_number(&file).unwrap(), 6);
    let all = verified(&file, 5).unwrap();
    assert_eq!(all, (1..=5).map(record).collect::<Vec<_>>());
    assert_eq!(next_number(&tempfile::tempfile().unwrap()).unwrap(), 1);
}

#[test]
fn every_single_bit_counts() {
    let good = record(7).bytes();
    for place in 0..RECORD {
        let mut bad = good;
        bad[place] ^= 1;
        assert_eq!(Record::read(&bad), None, "byte {place}");
    }
}

#[test]
fn what_is_lost_broken_or_misplaced_is_found() {
    let lost = Fault::Missing {
        last: 5,
        acknowledged: 6,
    };
    assert_eq!(verified(&file(5), 6), Err(lost));
    let broken = file(5);
    broken
        .write_all_at(&[0; RECORD], 2 * RECORD as u64)
        .unwrap();
    assert_eq!(verified(&broken, 5), Err(Fault::Broken(3)));
    assert_eq!(next_number(&broken).unwrap(), 3);
    let doubled = file(5);
    doubled
        .write_all_at(&record(2).bytes(), 3 * RECORD as u64)
        .unwrap();
    let misplaced = Fault::Misplaced { place: 4, found: 2 };
    assert_eq!(verified(&doubled, 5), Err(misplaced));
}

#[test]
fn the_record_that_was_being_written_may_be_half_or_whole() {
    let more = file(6);
    assert_eq!(verified(&more, 5).unwrap().len(), 6);
    more.write_all_at(&[0; 100], 5 * RECORD as u64).unwrap();
    assert_eq!(verified(&more, 5).unwrap().len(), 5);
    assert_eq!(verified(&more, 6), Err(Fault::Broken(6)));
    more.set_len(5 * RECORD as u64 + 100).unwrap();
    assert_eq!(verified(&more, 5).unwrap().len(), 5);
    // Two places behind can't both have been on their way: they are written one after the other.
    let holes = file(7);
    holes.write_all_at(&[0; RECORD], 5 * RECORD as u64).unwrap();
    assert_eq!(verified(&holes, 5), Err(Fault::Broken(6)));
}
