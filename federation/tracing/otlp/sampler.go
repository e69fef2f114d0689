package otlp

import (
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// sampler records what goes below a span that is recorded, so that no trace ends in
// the middle; and else a share of all traces.
type sampler struct{ share sdk.Sampler }

// ShouldSample implements sdk.Sampler.
func (s sampler) ShouldSample(p sdk.SamplingParameters) sdk.SamplingResult {
	if trace.SpanContextFromContext(p.ParentContext).IsSampled() {
		return sdk.SamplingResult{Decision: sdk.RecordAndSample}
	}
	return s.share.ShouldSample(p)
}

// Description implements sdk.Sampler.
func (s sampler) Description() string { return "below what is recorded, or " + s.share.Description() }
