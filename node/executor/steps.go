package executor

import (
	"slices"
	"sync"

	"starling/api/despatch"
	"starling/federation/tracing"
)

// mostSteps bounds the spans of one attempt: a user's own sequence may be long.
const mostSteps = 64

// steps makes spans of an attempt's actions, out of what its backend reports, where the
// attempt itself is recorded.
func (a *attempt) steps(next Reporter) Reporter {
	if a.span.ID() == "" {
		return next
	}
	var mu sync.Mutex
	open, begun := map[string]tracing.Span{}, 0
	return func(u despatch.Update) {
		mu.Lock()
		switch span, is := open[u.Action]; {
		case u.Type == despatch.ActionStarted && !is && begun < mostSteps:
			begun++
			_, open[u.Action] = tracing.Start(a.thread, a.kindOf(u.Action))
		case is && (u.Type == despatch.ActionCompleted || u.Type == despatch.ActionFailed):
			if u.Type == despatch.ActionFailed {
				span.Fail(u.Type)
			}
			span.End()
			delete(open, u.Action)
		}
		mu.Unlock()
		next(u)
	}
}

// kindOf is what a span of an action is called: by the kinds that are the broker's own.
// Those of users may be any text.
func (a *attempt) kindOf(action string) string {
	for _, step := range a.despatch.Sequence {
		if step.ID == action && slices.Contains([]string{despatch.ActionStageData, despatch.ActionRun, despatch.ActionSave, despatch.ActionRelease}, step.Kind) {
			return step.Kind
		}
	}
	return despatch.ActionOwn
}
