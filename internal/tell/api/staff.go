package api

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
)

func (a *api) staffRoutes() {
	tags := []string{"staff"}
	register(a, a.forStaff(huma.Operation{OperationID: "contacts", Method: http.MethodGet, Path: "/contacts", Summary: "Whom to tell about which zone", Tags: tags}), a.contacts)
	register(a, a.forStaff(huma.Operation{OperationID: "notices", Method: http.MethodGet, Path: "/notices", Summary: "Notices, newest first", Tags: tags}), a.notices)
	register(a, a.forStaff(huma.Operation{OperationID: "notice", Method: http.MethodGet, Path: "/notices/{id}", Summary: "One notice", Tags: tags, Errors: []int{http.StatusNotFound}}), a.notice)
	settling := []int{http.StatusNotFound, http.StatusConflict}
	register(a, a.forStaff(huma.Operation{OperationID: "release-notice", Method: http.MethodPost, Path: "/notices/{id}/release", Summary: "Let a held notice go out", Tags: tags, Errors: settling}), a.release)
	register(a, a.forStaff(huma.Operation{OperationID: "drop-notice", Method: http.MethodPost, Path: "/notices/{id}/drop", Summary: "Drop a held or queued notice", Tags: tags, Errors: append(settling, http.StatusBadRequest, http.StatusRequestEntityTooLarge)}), a.drop)
}

type contactList struct {
	Contacts []holdfast.Contact `json:"contacts"`
}

func (a *api) contacts(ctx context.Context, _ *struct{}) (contactList, error) {
	contacts, err := a.record.Contacts(ctx)
	return contactList{notNil(contacts)}, err
}

type noticesInput struct {
	State    []string  `query:"state" enum:"held,queued,sending,sent,dropped,failed" maxItems:"6" doc:"states, comma-separated; without it, all"`
	Incident string    `query:"incident" maxLength:"200"`
	Since    time.Time `query:"since" doc:"made at or after"`
	Limit    int       `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Offset   int       `query:"offset" minimum:"0" maximum:"10000"`
}

type noticeList struct {
	Notices []holdfast.Notice `json:"notices"`
}

func (a *api) notices(ctx context.Context, in *noticesInput) (noticeList, error) {
	filter := record.NoticeFilter{Incident: in.Incident, Since: in.Since, Limit: in.Offset + in.Limit}
	for _, state := range in.State {
		filter.States = append(filter.States, holdfast.NoticeState(state))
	}
	found, err := a.record.Notices(ctx, filter)
	return noticeList{notNil(page(found, in.Offset, in.Limit))}, err
}

func (a *api) notice(ctx context.Context, in *idInput) (holdfast.Notice, error) {
	return a.record.Notice(ctx, in.ID)
}

func (a *api) release(ctx context.Context, in *idInput) (holdfast.Notice, error) {
	if err := a.record.ReleaseNotice(ctx, in.ID, a.clock.Now()); err != nil {
		return holdfast.Notice{}, err
	}
	return a.record.Notice(ctx, in.ID)
}

type dropInput struct {
	ID   string `path:"id" maxLength:"200"`
	Body *dropReason
}

type dropReason struct {
	Why string `json:"why,omitempty" maxLength:"500"`
}

func (a *api) drop(ctx context.Context, in *dropInput) (holdfast.Notice, error) {
	why := "dropped through the API"
	if in.Body != nil {
		why = cmp.Or(in.Body.Why, why)
	}
	if err := a.record.DropNotice(ctx, in.ID, a.clock.Now(), why); err != nil {
		return holdfast.Notice{}, err
	}
	return a.record.Notice(ctx, in.ID)
}
