package app

import (
	"context"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/source"
	"github.com/holdfastdns/holdfast/internal/source/roster"
	"github.com/holdfastdns/holdfast/internal/source/zonefile"
)

// readZoneFile brings in a whole zone from a file.
func readZoneFile(path string, zone holdfast.Name) (source.Zone, error) {
	return zonefile.File{Path: path, Origin: zone, Clock: systemClock{}}.Fetch(context.Background())
}

// rosterOf and kept turn the roster of the source into the record's and back:
// the two rooms do not know each other.
func kept(r *roster.Roster) record.Roster {
	return record.Roster{Serial: r.Serial, Source: r.From, Fetched: r.Fetched, Subjects: r.Subjects}
}

func rosterOf(k record.Roster) *roster.Roster {
	r := &roster.Roster{Serial: k.Serial, From: k.Source, Fetched: k.Fetched, Subjects: k.Subjects}
	if len(k.Subjects) > 0 && k.Subjects[0].Zone == holdfast.Root {
		r.Zone = holdfast.Root
	}
	return r
}
