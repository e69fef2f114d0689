package ivoa

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Content is what a location of simple data says of what is there: the schema has no
// other place for it.
type Content struct {
	Location string // without what was said
	SHA256   string // hexadecimal, in lower case; "": not said
	Bytes    int64  // 0: not said
}

// ParseContent reads a location that #sha256=… or #size=… (in bytes) may follow, or
// both, joined by &. What else follows # is left out. The error says what is wrong
// with a value; the location is good all the same.
func ParseContent(location string) (Content, error) {
	plain, fragment, _ := strings.Cut(location, "#")
	c := Content{Location: plain}
	var wrong []error
	for part := range strings.SplitSeq(fragment, "&") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "sha256":
			if raw, err := hex.DecodeString(value); err != nil || len(raw) != 32 {
				wrong = append(wrong, errors.New("what follows #sha256= must be 64 hexadecimal digits"))
				continue
			}
			c.SHA256 = strings.ToLower(value)
		case "size":
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil || n < 0 {
				wrong = append(wrong, fmt.Errorf("what follows #size= must be a number of bytes"))
				continue
			}
			c.Bytes = n
		}
	}
	return c, errors.Join(wrong...)
}
