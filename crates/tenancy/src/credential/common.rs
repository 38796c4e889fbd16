//! Commonly used passwords (NIST SP 800-63B-4, section 3.1.1.2).

/// The passwords in lower case, sorted by bytes, one per line. `data/README.md` lists the sources.
const LIST: &str = include_str!("../../data/common-passwords.txt");

/// Returns whether a password is in the list, ignoring case.
pub(super) fn is_common(password: &str) -> bool {
    let password = password.to_lowercase();
    let (mut from, mut to) = (0, LIST.len());
    // A binary search by bytes. Each middle is moved back to the beginning of its line.
    while from < to {
        let middle = usize::midpoint(from, to);
        let begin = LIST.as_bytes()[..middle]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |newline| newline + 1);
        let line = LIST[begin..].split('\n').next().unwrap_or_default();
        match line.cmp(&password) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => from = begin + line.len() + 1,
            std::cmp::Ordering::Greater => to = begin,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    // S12
    #[test]
    fn every_listed_password_is_found() {
        let lines: Vec<_> = LIST.lines().collect();
        assert!(lines.len() >= 10_000, "{}", lines.len());
        assert!(lines.is_sorted());
        assert!(lines.iter().all(|line| is_common(line)));
        assert!(is_common("PassWord") && is_common("12345678") && is_common("qwertyuiop"));
        let rare = ["", "a", "zzzzzzzzzzzzzzz", "correct horse battery staple", "secure_password"];
        assert!(!rare.iter().any(|password| is_common(password)));
        assert!(!lines.iter().any(|line| is_common(&format!("{line}\u{1}"))));
    }
}
