package bench

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"starling/api/despatch"
)

// register registers an executor and returns its UUID.
func (c *client) register(ctx context.Context, r despatch.Registration) (string, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	status, answer, err := c.do(ctx, http.MethodPost, "/executors", body)
	if err != nil {
		return "", err
	}
	if status != http.StatusCreated && status != http.StatusOK {
		return "", fmt.Errorf("registering %s was answered %d: %.500s", r.Name, status, answer)
	}
	var registered despatch.Registered
	err = json.Unmarshal(answer, &registered)
	return registered.UUID, err
}

// poll asks for a job; nil: there was none.
func (c *client) poll(ctx context.Context, executor string, wait time.Duration) (*despatch.Despatch, error) {
	status, answer, err := c.do(ctx, http.MethodPost, fmt.Sprintf("/executors/%s/despatch?wait=%dms", executor, wait.Milliseconds()), nil)
	if err != nil || status == http.StatusNoContent {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("a poll was answered %d: %.500s", status, answer)
	}
	work := new(despatch.Despatch)
	return work, json.Unmarshal(answer, work)
}

// exposures is a report of so many exposures, with keys that go on from a number.
func exposures(fence uint64, from, count int) ([]byte, error) {
	report := despatch.Updates{Fence: fence}
	now := time.Now()
	for i := range count {
		name := fmt.Sprintf("e%d.fits", from+i)
		report.Updates = append(report.Updates, despatch.Update{
			Key: fmt.Sprintf("k%d", from+i), Type: despatch.ExposureTaken, Action: "run", Time: now,
			Exposure: &despatch.Exposure{ID: fmt.Sprintf("E%d", from+i), Start: now.Add(-time.Minute), End: now, Files: []despatch.File{
				{Name: name, Location: "https://archive.example/" + name, Bytes: 8_641_440},
			}},
		})
	}
	return json.Marshal(report)
}

// complete ends an attempt well.
func (c *client) complete(ctx context.Context, work *despatch.Despatch) error {
	body, err := json.Marshal(despatch.Completion{Fence: work.Fence, Key: "done", Time: time.Now(), Outcome: despatch.Completed})
	if err == nil {
		_, err = c.want(ctx, http.StatusOK, http.MethodPost, "/history/"+work.HistoryRef+"/completion", body)
	}
	return err
}
