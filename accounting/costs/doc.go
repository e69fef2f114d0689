// Package costs has the cost models that operators write: expressions in CEL
// (cel.dev) over what a session used, when it ran and whose it was.
//
//	usage["core-seconds"] / 3600.0 * (session.cores > 64 ? 0.025 : 0.03)
//
// [Models] is an accounting.CostModel. It is made of the simple tariff of rates
// and of any number of models, each for one resource (money, energy, carbon, or
// another). What a model in force charges for, rates don't. Prices that depend
// on the time of the week are bands of a model, so that the scheduler can be
// told when they change; expressions may look at times too, but that stays
// between them and the bill.
//
// Everything that can be wrong with an expression is found when it is compiled:
// names and types, and how much work it could be at most. What only evaluation
// can find (a division by zero) leaves out that resource's charge and is an
// error, so that the session can still be recorded.
package costs
