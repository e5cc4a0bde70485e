// Package anchor judges trust anchors: RFC 5011 as a pure function of state, keys
// and instant; the habits of implementations that depart from it, apart; when a
// machine's anchors fail, and how; what a rehearsal showed beside what was due.
package anchor
