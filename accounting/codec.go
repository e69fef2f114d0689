package accounting

import (
	"github.com/go-json-experiment/json"
)

// The record is JSON, by the second version of Go's library: strict about
// names, duplicates and UTF-8, and quick enough that the disk is what limits
// the log. Structs are written in the order of their fields and maps in that of
// their keys, so that equal things are equal bytes on every node.

func encodeJSON(v any) ([]byte, error) {
	return json.Marshal(v, json.Deterministic(true))
}

// decodeJSON refuses fields that are not known: a node that ignored them would
// come to hold another state than those that know them.
func decodeJSON(data []byte, into any) error {
	return json.Unmarshal(data, into, json.RejectUnknownMembers(true))
}
