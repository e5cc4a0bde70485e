package profile

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
)

// tag is a message tag of Zonemaster and the check here that speaks of the
// same thing.
type tag struct {
	name, testCase string
	level          holdfast.Severity // in Zonemaster's own profile
	code           string
}

func tags() ([]tag, error) {
	data, err := files.ReadFile("data/zonemaster.csv")
	if err != nil {
		return nil, fmt.Errorf("read Zonemaster's tags: %w", err)
	}
	reader := csv.NewReader(bytes.NewReader(data))
	reader.Comment = '#'
	reader.FieldsPerRecord = 4
	rows, err := reader.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read Zonemaster's tags: %w", err)
	}
	var out []tag
	for _, row := range rows[1:] {
		level, ok := levelOf(row[2])
		if !ok {
			return nil, fmt.Errorf("read Zonemaster's tags: %s has level %q", row[0], row[2])
		}
		out = append(out, tag{row[0], row[1], level, row[3]})
	}
	return out, nil
}

// levelOf reads a level of Zonemaster. What it says on request only (INFO and
// the DEBUG levels) is info here.
func levelOf(text string) (holdfast.Severity, bool) {
	switch text = strings.ToUpper(text); text {
	case "DEBUG", "DEBUG2", "DEBUG3":
		return holdfast.SeverityInfo, true
	}
	severity, err := holdfast.ParseSeverity(text)
	return severity, err == nil
}

// zonemaster is the part of a profile.json that can be carried over.
type zonemaster struct {
	TestLevels map[string]map[string]string `json:"test_levels"`
	TestCases  []string                     `json:"test_cases"`
}

// Import makes a profile of a Zonemaster profile.json. A level there belongs to
// a message, and severity here to who breaks; so only what departs from
// Zonemaster's own profile is carried over: a message made milder caps its
// check, one made graver raises it, and a check all of whose test cases are
// left out of test_cases is off. unknown lists, sorted, what was departed from
// or added and has no counterpart here.
func Import(in io.Reader, name string) (p Profile, unknown []string, err error) {
	data, err := io.ReadAll(io.LimitReader(in, maxProfile+1))
	if err == nil && len(data) > maxProfile {
		err = fmt.Errorf("it is larger than %d octets", maxProfile)
	}
	var theirs zonemaster
	if err == nil {
		err = json.Unmarshal(data, &theirs)
	}
	if err == nil && len(theirs.TestLevels) == 0 && len(theirs.TestCases) == 0 {
		err = errors.New("it has neither test_levels nor test_cases")
	}
	if err != nil {
		return Profile{}, nil, fmt.Errorf("import %s: %w", name, err)
	}
	ours, err := tags()
	if err != nil {
		return Profile{}, nil, err
	}
	p = Profile{Name: "imported", Title: "Imported from a Zonemaster profile", Source: name}
	changed := map[string][]Entry{}
	for _, module := range slices.Sorted(maps.Keys(theirs.TestLevels)) {
		for _, message := range slices.Sorted(maps.Keys(theirs.TestLevels[module])) {
			text := theirs.TestLevels[module][message]
			level, ok := levelOf(text)
			if !ok {
				return Profile{}, nil, fmt.Errorf("import %s: %s of %s has level %q", name, message, module, text)
			}
			i := slices.IndexFunc(ours, func(t tag) bool { return t.name == message })
			switch {
			case i < 0 && level > holdfast.SeverityInfo:
				unknown = append(unknown, message)
			case i >= 0 && level != ours[i].level:
				rule := AtMost
				if level > ours[i].level {
					rule = AtLeast
				}
				changed[ours[i].code] = append(changed[ours[i].code], Entry{ours[i].code, rule, level, message})
			}
		}
	}
	for _, code := range disabled(ours, theirs.TestCases) {
		changed[code] = []Entry{{Code: code, Rule: Off, Reason: "its test cases are left out"}}
	}
	for _, code := range slices.Sorted(maps.Keys(changed)) {
		p.Entries = append(p.Entries, united(changed[code], ours))
	}
	slices.Sort(unknown)
	return p, unknown, nil
}

// disabled are the codes none of whose test cases is listed. No list: none.
func disabled(ours []tag, cases []string) []string {
	if len(cases) == 0 {
		return nil
	}
	on := map[string]bool{}
	for _, t := range ours {
		listed := slices.ContainsFunc(cases, func(c string) bool { return strings.EqualFold(c, t.testCase) })
		on[t.code] = on[t.code] || listed
	}
	var out []string
	for code, enabled := range on {
		if !enabled {
			out = append(out, code)
		}
	}
	return out
}

// united is one entry of those of a check's several messages. Where some are
// raised, the gravest counts; otherwise the check is capped only at what its
// gravest message may still say.
func united(all []Entry, ours []tag) Entry {
	if i := slices.IndexFunc(all, func(e Entry) bool { return e.Rule == Off }); i >= 0 {
		return all[i]
	}
	raised := slices.DeleteFunc(slices.Clone(all), func(e Entry) bool { return e.Rule != AtLeast })
	if len(raised) > 0 {
		return gravestOf(raised)
	}
	gravest := gravestOf(all)
	for _, t := range ours {
		touched := slices.ContainsFunc(all, func(e Entry) bool { return e.Reason == t.name })
		if t.code == gravest.Code && !touched && t.level > gravest.Severity {
			gravest.Severity, gravest.Reason = t.level, t.name
		}
	}
	return gravest
}

func gravestOf(all []Entry) Entry {
	return slices.MaxFunc(all, func(a, b Entry) int { return cmp.Compare(a.Severity, b.Severity) })
}
