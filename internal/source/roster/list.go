package roster

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// maxList bounds a list of names: a hundred times the length of the root's.
const maxList = 16 << 20

// ReadList reads a roster from a list of names: one a line, "#" begins a
// comment, A-labels or U-labels; or from CSV, where the column is the one
// headed zone, tld or domain, or the first where no such heading is.
// Names that come twice count once. Errors name file and line.
func ReadList(in io.Reader, file string, at time.Time) (*Roster, error) {
	limited := &io.LimitedReader{R: in, N: maxList + 1}
	text := bufio.NewReader(limited)
	var names []holdfast.Name
	var err error
	if looksLikeCSV(text) {
		names, err = readCSV(text)
	} else {
		names, err = readLines(text)
	}
	switch {
	case limited.N <= 0:
		err = fmt.Errorf("it has more than %d MiB", maxList>>20)
	case err == nil && len(names) == 0:
		err = errors.New("it names no zones")
	}
	if err != nil {
		return nil, fmt.Errorf("read roster %s: %w", file, err)
	}
	slices.SortFunc(names, wire.CompareNames)
	kinds := kinds(countryIDNs())
	out := &Roster{From: file, Fetched: at}
	for _, name := range slices.Compact(names) {
		out.Subjects = append(out.Subjects, kinds.subject(name, nil))
	}
	return out, nil
}

// looksLikeCSV says whether the first line that is no comment has a comma.
func looksLikeCSV(text *bufio.Reader) bool {
	head, _ := text.Peek(4096)
	for line := range strings.Lines(string(head)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return strings.Contains(line, ",")
		}
	}
	return false
}

func readLines(text *bufio.Reader) ([]holdfast.Name, error) {
	var names []holdfast.Name
	lines := bufio.NewScanner(text)
	for number := 1; lines.Scan(); number++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, err := wire.FromUnicode(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		names = append(names, name)
	}
	return names, lines.Err()
}

func readCSV(text io.Reader) ([]holdfast.Name, error) {
	rows := csv.NewReader(text)
	rows.Comment = '#'
	rows.FieldsPerRecord = -1
	var names []holdfast.Name
	column := 0
	for first := true; ; first = false {
		row, err := rows.Read()
		if err == io.EOF {
			return names, nil
		}
		if err != nil {
			return nil, err
		}
		if first {
			if i := slices.IndexFunc(row, isHeading); i >= 0 {
				column = i
				continue
			}
		}
		line, _ := rows.FieldPos(0)
		if column >= len(row) {
			return nil, fmt.Errorf("line %d: it has no column %d", line, column+1)
		}
		name, err := wire.FromUnicode(strings.TrimSpace(row[column]))
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		names = append(names, name)
	}
}

func isHeading(field string) bool {
	switch strings.ToLower(strings.TrimSpace(field)) {
	case "zone", "tld", "domain":
		return true
	}
	return false
}
