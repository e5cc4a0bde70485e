package web

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
)

// checkPage is a page of docs/checks.
type checkPage struct {
	Href, Code, Title string
}

// checkPages lists the markdown files about checks, in the order of their
// codes. A file without a code in its name (an index) is left out.
func (s *Site) checkPages() ([]checkPage, error) {
	if s.config.Checks == nil {
		return nil, notFound("This program was built without the pages about checks.")
	}
	files, err := fs.Glob(s.config.Checks, "*.md")
	if err != nil {
		return nil, fmt.Errorf("list pages about checks: %w", err)
	}
	var out []checkPage
	for _, file := range files {
		code, ok := codeOf(file)
		if !ok {
			continue
		}
		text, err := fs.ReadFile(s.config.Checks, file)
		if err != nil {
			return nil, fmt.Errorf("read page %s: %w", file, err)
		}
		out = append(out, checkPage{"/checks/" + code, code, heading(text, code)})
	}
	return out, nil
}

// codeOf is the code that a file is about: "SIG-01.md", "sig-01-signature-expired.md".
func codeOf(file string) (string, bool) {
	parts := strings.SplitN(strings.TrimSuffix(path.Base(file), ".md"), "-", 3)
	if len(parts) < 2 || len(parts[1]) == 0 || parts[1][0] < '0' || parts[1][0] > '9' {
		return "", false
	}
	return strings.ToUpper(parts[0] + "-" + parts[1]), true
}

// heading is the text of a page's first line, without the code.
func heading(text []byte, code string) string {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	title := strings.TrimSpace(strings.TrimLeft(string(line), "# "))
	return strings.Trim(strings.TrimPrefix(title, code), " :–—-")
}

func (s *Site) serveChecks(w http.ResponseWriter, r *http.Request) error {
	pages, err := s.checkPages()
	if err != nil {
		return err
	}
	return s.show(w, r, shell{Title: "Checks", Nav: "/checks"}, "checks", pages)
}

func (s *Site) serveCheck(w http.ResponseWriter, r *http.Request) error {
	if s.config.Checks == nil {
		return notFound("This program was built without the pages about checks.")
	}
	files, err := fs.Glob(s.config.Checks, "*.md")
	if err != nil {
		return fmt.Errorf("list pages about checks: %w", err)
	}
	want := strings.ToUpper(r.PathValue("code"))
	for _, file := range files {
		code, ok := codeOf(file)
		if !ok || code != want {
			continue
		}
		text, err := fs.ReadFile(s.config.Checks, file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("read page %s: %w", file, err)
		}
		var out bytes.Buffer
		// goldmark leaves raw HTML out and refuses javascript: links unless told
		// otherwise, so even a careless page cannot hurt.
		if err := goldmark.New(goldmark.WithExtensions(extension.Table, extension.Linkify)).Convert(text, &out); err != nil {
			return fmt.Errorf("render page %s: %w", file, err)
		}
		return s.show(w, r, shell{Title: code + " " + heading(text, code), Nav: "/checks"}, "check", template.HTML(out.String()))
	}
	return notFound("There is no check of this code.")
}
