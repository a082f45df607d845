//! What data would cost if they travelled in cookies: arithmetic only.

/// AES-GCM's nonce and tag: cookies that hold data must be sealed, or visitors read and forge them.
const SEAL: usize = 12 + 16;

/// The most bytes of a cookie's name and value that browsers take (RFC 6265bis, section 5.6).
const MOST: usize = 4096;

/// Data in cookies, as they stand in every request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cookies {
    pub count: usize,
    /// All pairs, with the `; ` between them.
    pub bytes: usize,
}

/// The cookies that hold so many bytes of data: sealed, in base64url, and cut into pieces if there is
/// too much for one cookie. The first piece is `name`, the others `name.1`, `name.2` …
pub(crate) fn cookies(name: &str, data: usize) -> Cookies {
    let mut left = ((data + SEAL) * 4).div_ceil(3);
    let mut cookies = Cookies { count: 0, bytes: 0 };
    while left > 0 || cookies.count == 0 {
        let (name, separator) = match cookies.count {
            0 => (name.len(), 0),
            piece => (format!("{name}.{piece}").len(), 2),
        };
        let value = left.min(MOST - name);
        left -= value;
        cookies.count += 1;
        cookies.bytes += separator + name + 1 + value;
    }
    cookies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealing_and_base64_make_a_third_more_and_a_little() {
        // 300 + 28 bytes are 438 characters (437.33…), after "session=".
        assert_eq!(cookies("session", 300), Cookies { count: 1, bytes: 8 + 438 });
        // Even nothing has to be sealed.
        assert_eq!(cookies("session", 0), Cookies { count: 1, bytes: 8 + 38 });
    }

    #[test]
    fn what_is_too_much_for_one_cookie_takes_several() {
        // (3039 + 28) * 4 / 3 = 4089.33…, and "session" takes 7 of the 4096.
        assert_eq!(cookies("session", 3038), Cookies { count: 1, bytes: 8 + 4088 });
        assert_eq!(cookies("session", 3039), Cookies { count: 2, bytes: 8 + 4089 + 2 + 10 + 1 });
        assert_eq!(cookies("session", 16 * 1024).count, 6);
    }
}
