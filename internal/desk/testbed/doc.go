// Package testbed is the work of who hosts a test bed for trust anchor updates:
// dated zones that roll by a calendar, the subscribers to each, what they are told
// at each step and the results that they report.
package testbed
