package changeling

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"errors"
)

// Orders are what a changeling is to do; nothing evil by default.
type Orders struct {
	// Off is how far its clock is to be off.
	Off time.Duration `json:"off,omitempty"`
	// Mind names what answers other nodes in its stead (Minds); "": the node itself.
	Mind string `json:"mind,omitempty"`
	// Attack names what it does to other nodes (Attacks); "": nothing.
	Attack string `json:"attack,omitempty"`
	// Seed decides what the two draw.
	Seed uint64 `json:"seed,omitempty"`
}

// file is where orders stand in a data directory.
const file = "orders.json"

// Give gives orders to the changeling with a data directory. They count at once, if it
// runs, and for its next lives.
func (o Orders) Give(data string) error {
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	fresh := filepath.Join(data, file+".new")
	if err := os.WriteFile(fresh, text, 0o644); err != nil { //nolint:gosec // whoever it runs as reads them
		return fmt.Errorf("give orders: %w", err)
	}
	return os.Rename(fresh, filepath.Join(data, file))
}

// OrdersIn are those that stand in a data directory.
func OrdersIn(data string) (o Orders, err error) {
	text, err := os.ReadFile(filepath.Join(data, file))
	if errors.Is(err, fs.ErrNotExist) {
		return o, nil
	}
	if err != nil {
		return o, fmt.Errorf("read the orders: %w", err)
	}
	if err := json.Unmarshal(text, &o); err != nil {
		return o, fmt.Errorf("read the orders in %s: %w", data, err)
	}
	return o, nil
}

// lookEvery is how often orders are read again.
const lookEvery = 50 * time.Millisecond

// follow follows the orders in a data directory until ctx ends.
func follow(ctx context.Context, data string, obey func(Orders)) error {
	beat := time.NewTicker(lookEvery)
	defer beat.Stop()
	for last := (Orders{}); ; {
		orders, err := OrdersIn(data)
		if err != nil {
			return err
		}
		if orders != last {
			obey(orders)
		}
		last = orders
		select {
		case <-beat.C:
		case <-ctx.Done():
			return nil
		}
	}
}
