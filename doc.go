// Package holdfast holds the nouns of the house: what is watched (Subject),
// what was seen (Measurement, Exchange), what it means (Verdict, Finding,
// Window), what trouble it amounts to (Incident), who is told (Contact, Notice).
//
// It is data and pure functions over the standard library. It starts nothing:
// no network, no disk, no clock, no goroutine. Every room of the house may
// import it, and it imports none of them.
package holdfast
