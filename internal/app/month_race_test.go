//go:build race

package app

// monthDays: the race detector makes each day cost six; it sees in a week what it would in a month.
const monthDays = 7
