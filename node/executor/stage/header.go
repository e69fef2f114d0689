package stage

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
)

// version is what If-Range may name: a strong ETag, or else the date of the
// last change.
func version(h http.Header) string {
	if tag := h.Get("ETag"); strings.HasPrefix(tag, `"`) {
		return tag
	}
	return h.Get("Last-Modified")
}

// digest is the SHA-256 of the file by the answer's Repr-Digest (RFC 9530) or
// Digest (RFC 3230), in hexadecimal; empty where neither has a good one.
func digest(h http.Header) string {
	if sum := member(h.Values("Repr-Digest"), "sha-256", ":"); sum != "" {
		return sum
	}
	return member(h.Values("Digest"), "sha-256", "")
}

// member finds an algorithm's value in a list; quote encloses the base64.
func member(lists []string, algorithm, quote string) string {
	for part := range strings.SplitSeq(strings.Join(lists, ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if !strings.EqualFold(name, algorithm) {
			continue
		}
		value, _, _ = strings.Cut(value, ";")
		if quote != "" {
			value = strings.TrimSuffix(strings.TrimPrefix(value, quote), quote)
		}
		sum, err := base64.StdEncoding.DecodeString(value)
		if err == nil && len(sum) == 32 {
			return hex.EncodeToString(sum)
		}
	}
	return ""
}
