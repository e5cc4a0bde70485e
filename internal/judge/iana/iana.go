// Package iana holds what the judges take from IANA's registries: the
// standing of DNSSEC algorithms and digests, the NSEC3 hashes, the addresses
// of special purpose. They are dated files, embedded as they are; a registry
// that moved is mended by editing a file of data, and no check changes.
package iana

import (
	"bytes"
	"embed"
	"encoding/csv"
	"fmt"
	"strings"
	"time"
)

//go:embed data/*.csv
var files embed.FS

// Registry is one of IANA's registries as it stood on a day.
type Registry[T any] struct {
	Title   string
	Source  string    // the address of the registry
	Date    time.Time // the day (UTC) of the state that the file has
	Licence string
	Entries []T
}

// read loads one embedded file: header lines "# Key: value", a line of column
// names, then one entry a line.
func read[T any](file string, columns int, entry func(fields []string) (T, error)) (Registry[T], error) {
	data, err := files.ReadFile("data/" + file)
	if err != nil {
		return Registry[T]{}, fmt.Errorf("read registry: %w", err)
	}
	registry, err := parse(data, columns, entry)
	if err != nil {
		return Registry[T]{}, fmt.Errorf("read registry %s: %w", file, err)
	}
	return registry, nil
}

func parse[T any](data []byte, columns int, entry func(fields []string) (T, error)) (Registry[T], error) {
	var registry Registry[T]
	for line := range strings.Lines(string(data)) {
		header, ok := strings.CutPrefix(line, "# ")
		if !ok {
			break
		}
		key, value, _ := strings.Cut(strings.TrimSpace(header), ": ")
		switch key {
		case "Registry":
			registry.Title = value
		case "Source":
			registry.Source = value
		case "Licence":
			registry.Licence = value
		case "Date":
			day, err := time.Parse(time.DateOnly, value)
			if err != nil {
				return registry, fmt.Errorf("read date: %w", err)
			}
			registry.Date = day
		}
	}
	if registry.Title == "" || registry.Source == "" || registry.Licence == "" || registry.Date.IsZero() {
		return registry, fmt.Errorf("read header: want Registry, Source, Date and Licence")
	}
	reader := csv.NewReader(bytes.NewReader(data))
	reader.Comment = '#'
	reader.FieldsPerRecord = columns
	rows, err := reader.ReadAll()
	if err != nil {
		return registry, fmt.Errorf("read entries: %w", err)
	}
	if len(rows) < 2 {
		return registry, fmt.Errorf("read entries: there are none")
	}
	for _, row := range rows[1:] {
		e, err := entry(row)
		if err != nil {
			return registry, fmt.Errorf("read entry %q: %w", row[0], err)
		}
		registry.Entries = append(registry.Entries, e)
	}
	return registry, nil
}

// must is for files that are part of the program: a fault in one is a fault
// in the build, and the tests of this room meet it before anyone else.
func must[T any](registry Registry[T], err error) Registry[T] {
	if err != nil {
		panic(err)
	}
	return registry
}
