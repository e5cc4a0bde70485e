package anchor

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/source"
)

// powerDNSSettings is what we read of PowerDNS Recursor's YAML settings.
type powerDNSSettings struct {
	DNSSEC struct {
		Anchors []struct {
			Name    string   `yaml:"name"`
			Records []string `yaml:"dsrecords"`
		} `yaml:"trustanchors"`
		Negative []struct {
			Name string `yaml:"name"`
		} `yaml:"negative_trustanchors"`
		File string `yaml:"trustanchorfile"`
	} `yaml:"dnssec"`
}

var powerDNSKeys = regexp.MustCompile(`(?m)^\s+(trustanchors|negative_trustanchors|trustanchorfile):`)

func likePowerYAML(_ string, text []byte) bool {
	return bytes.Contains(text, []byte("dnssec:")) && powerDNSKeys.Match(text)
}

// parsePowerYAML reads dnssec.trustanchors, dnssec.negative_trustanchors and
// dnssec.trustanchorfile of PowerDNS Recursor's YAML settings (5.1 and later).
func parsePowerYAML(f *File) error {
	var settings powerDNSSettings
	if err := source.ReadYAML(bytes.NewReader(f.text), f.Name, false, &settings); err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	from := 0
	for _, point := range settings.DNSSEC.Anchors {
		zone, err := holdfast.ParseName(point.Name)
		if err != nil {
			return f.fault(f.find(point.Name, 0), "dnssec.trustanchors: %w", err)
		}
		for _, record := range point.Records {
			from = f.find(record, from)
			ds, err := dsOf(strings.Fields(record))
			if err != nil {
				return f.fault(from, "dnssec.trustanchors: %w", err)
			}
			key := DigestOf(ds)
			key.Word = "dsrecords"
			to := from
			if bytes.HasPrefix(f.text[from:], []byte(record)) {
				to += len(record)
			}
			f.hold(from, to, zone, key)
		}
	}
	for _, negative := range settings.DNSSEC.Negative {
		name, err := holdfast.ParseName(negative.Name)
		if err != nil {
			return f.fault(f.find(negative.Name, 0), "dnssec.negative_trustanchors: %w", err)
		}
		f.Negative = append(f.Negative, name)
	}
	if file := settings.DNSSEC.File; file != "" {
		f.Files = append(f.Files, Reference{file, "trustanchorfile", f.place(f.find(file, 0))})
	}
	return nil
}

// find is where a value stands in the text, from an offset on: YAML's reader
// does not say. A value that is written otherwise, as folded over lines, is said
// to stand where the search began.
func (f *File) find(value string, from int) int {
	if i := bytes.Index(f.text[from:], []byte(value)); i >= 0 {
		return from + i
	}
	return from
}
