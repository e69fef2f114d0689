// Package otlp sends spans to an OpenTelemetry collector: OTLP in protobuf, over HTTP.
//
// Nothing that is done for a request ever waits for it. A span that has ended goes into
// a queue of a bounded length, and is lost where that is full; one goroutine takes what
// is there to the collector, as long as it takes, and keeps at hand what the collector
// can't take just now. What is lost is counted; that there is trouble is said when it
// begins, when it is over, and seldom between.
//
// The SDK's own queue and client aren't used: that doesn't tell what it has lost, and
// this links all of gRPC, 10 MB that nothing here calls.
package otlp
