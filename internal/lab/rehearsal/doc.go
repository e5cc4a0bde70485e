// Package rehearsal performs plays of root key rollovers: a lab shows the keys of
// each step, real resolvers follow or do not, and all that is asked, answered and
// written is kept as a holdfast.Rehearsal. What it means judge/anchor says.
package rehearsal
