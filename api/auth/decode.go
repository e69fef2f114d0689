package auth

import "encoding/base64"

// decode reads a part of a token: base64url without padding, in the one spelling
// that there is of it (RFC 7515, section 2).
func decode(part string) ([]byte, bool) {
	for _, b := range []byte(part) {
		// The library passes over the ends of lines.
		if b == '\r' || b == '\n' {
			return nil, false
		}
	}
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(part)
	return decoded, err == nil
}
