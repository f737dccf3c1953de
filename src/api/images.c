/* /images: what guests are made from. */
#include <string.h>
#include <sys/stat.h>

#include "api/kinds.h"
#include "api/permit.h"
#include "api/route.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "image/recipes.h"
#include "preset/preset.h"
#include "schema/schema.h"

static gboolean list_images(Call *call, GError **error)
{
	g_autoptr(GPtrArray) documents = store_list(call->services->store, "image/", error);
	if (!documents)
		return FALSE;
	json_object *items = json_object_new_array();
	for (guint i = 0; i < documents->len; i++)
		json_object_array_add(items, json_copy(((Doc *)g_ptr_array_index(documents, i))->body));
	permit_filter(call, items, "/images", "name");
	return answer_page(call, items, error);
}

static Doc *find_image(Call *call, const char *path, GError **error)
{
	Doc *doc = store_get(call->services->store, path, NULL);
	if (!doc)
		error_set(error, ERROR_NOT_FOUND, "'yado image list' shows what there is", "there is no image '%s'",
			  call->args[0]);
	return doc;
}

static gboolean get_image(Call *call, GError **error)
{
	g_autofree char *path = g_strconcat("image/", call->args[0], NULL);
	g_autoptr(Doc) doc = find_image(call, path, error);
	return doc && answer_document(call, 200, json_copy(doc->body), doc->rev);
}

static gint64 submit(Call *call, const TaskKind *kind, const char *name, json_object *args, GError **error)
{
	g_autofree char *object = g_strconcat("image/", name, NULL);
	return tasks_submit(call->services->tasks, kind, object, call->request->user, args, NULL, error);
}

static gboolean check_absent(Call *call, const char *name, GError **error)
{
	g_autofree char *path = g_strconcat("image/", name, NULL);
	g_autoptr(Doc) doc = store_get(call->services->store, path, NULL);
	if (!doc)
		return TRUE;
	error_set_field(error, ERROR_EXISTS, "name", "choose another name or delete it first",
			"there is an image '%s' already", name);
	return FALSE;
}

/* An upload of one's own that is complete; whether its digest is right is seen when it is read. */
static gboolean check_upload(Call *call, const char *id, GError **error)
{
	json_auto json_object *upload = uploads_get(call->services->uploads, id, error);
	if (!upload)
		return FALSE;
	if (!permit_began(call->principal, upload) &&
	    !rights_allow(call->rights, PRIVILEGE_IMAGE_MANAGE, "/", NULL)) {
		error_set_field(error, ERROR_FORBIDDEN, "upload", "upload the file yourself",
				"upload '%s' is somebody else's", id);
		return FALSE;
	}
	gint64 size = json_get_int(upload, "size", 0), offset = json_get_int(upload, "offset", 0);
	if (offset == size)
		return TRUE;
	error_set_field(error, ERROR_CONFLICT, "upload", "send the rest first",
			"only %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " bytes of upload '%s' have arrived", offset, size,
			id);
	return FALSE;
}

/* A file has to come by one of the two ways; a plan does without. */
static gboolean check_source(Call *call, const char *upload, int fd, GError **error)
{
	struct stat info;
	if (upload && fd >= 0)
		error_set_field(error, ERROR_INVALID, "upload", "send one of them", "an upload and a descriptor came together");
	else if (upload)
		return check_upload(call, upload, error);
	else if (fd >= 0 && (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode)))
		error_set(error, ERROR_INVALID, NULL, "the descriptor is not that of a regular file");
	else if (fd < 0 && !call->plan)
		error_set_field(error, ERROR_INVALID, "upload",
				"POST /uploads, send the file, then name it here; 'yado image import FILE' does all that",
				"an import needs an upload, or on the local socket a file's descriptor");
	else
		return TRUE;
	return FALSE;
}

static gboolean import_image(Call *call, GError **error)
{
	g_autoptr(GError) refusal = NULL;
	json_auto json_object *image = call_document(call, &refusal);
	g_autofree char *upload = g_strdup(json_get_str(image, "upload", NULL));
	const char *name = json_get_str(image, "name", ""), *os = json_get_str(image, "os", NULL);
	fd_auto int fd = frame_steal_fd(call->request->frame, 0);
	if (image && permit_ask_named(call, PRIVILEGE_IMAGE_MANAGE, "/images", name, &refusal) &&
	    check_absent(call, name, &refusal) && (!os || preset_check_os(os, &refusal)))
		check_source(call, upload, fd, &refusal);
	if (call->plan)
		return answer_action_plan(call, g_steal_pointer(&refusal), "image '%s' is imported", name);
	if (refusal) {
		g_propagate_error(error, g_steal_pointer(&refusal));
		return FALSE;
	}
	json_object_object_del(image, "upload");
	json_auto json_object *document = schema_create(&image_table, image, error);
	if (!document)
		return FALSE;
	ImportSource source = {.fd = fd_steal(&fd), .upload = upload};
	gint64 task = import_submit(call->services, call->request->user, document, &source, error);
	return task && answer_task(call, task, NULL);
}

static gboolean list_recipes(Call *call, GError **error)
{
	json_object *items = recipes_list(&call->services->image, error);
	return items && answer_page(call, items, error);
}

static gboolean build_image(Call *call, GError **error)
{
	g_autoptr(GError) refusal = NULL;
	json_auto json_object *build = call_document(call, &refusal);
	const char *recipe = json_get_str(build, "recipe", ""), *name = json_get_str(build, "name", recipe);
	if (build && permit_ask_named(call, PRIVILEGE_IMAGE_MANAGE, "/images", name, &refusal))
		recipe_check(&call->services->image, build, &refusal);
	if (call->plan)
		return answer_action_plan(call, g_steal_pointer(&refusal),
					  "image '%s' is built from recipe '%s'; guests keep the build that they have",
					  name, recipe);
	if (refusal) {
		g_propagate_error(error, g_steal_pointer(&refusal));
		return FALSE;
	}
	gint64 task = submit(call, &image_build_kind, name, build, error);
	return task && answer_task(call, task, NULL);
}

/* What is said about it; what is in it stays. */
static json_object *changed_image(Call *call, const Doc *doc, json_object *patch, GError **error)
{
	json_auto json_object *image = schema_change(&image_table, doc->body, patch, error);
	const char *os = json_get_str(image, "os", NULL);
	if (!image || !call_check_rev(call, doc->rev, error) ||
	    (os && g_strcmp0(os, json_get_str(doc->body, "os", NULL)) && !preset_check_os(os, error)))
		return NULL;
	return json_object_get(image);
}

static gboolean change_image(Call *call, GError **error)
{
	g_autoptr(GError) refusal = NULL;
	g_autofree char *path = g_strconcat("image/", call->args[0], NULL);
	g_autoptr(Doc) doc = find_image(call, path, error);
	json_auto json_object *patch = doc ? call_body(call, error) : NULL;
	if (!patch)
		return FALSE;
	json_auto json_object *image = changed_image(call, doc, patch, &refusal);
	if (call->plan)
		return image ? answer_document_plan(call, doc->body, image, doc->rev, NULL)
			     : answer_refused(call, g_steal_pointer(&refusal));
	if (!image) {
		g_propagate_error(error, g_steal_pointer(&refusal));
		return FALSE;
	}
	g_autoptr(Batch) batch = batch_new(call->request->user, 0);
	batch_put(batch, path, doc->rev, image);
	gint64 rev = store_commit(call->services->store, batch, error);
	return rev && answer_document(call, 200, json_object_get(image), rev);
}

static gboolean delete_image(Call *call, GError **error)
{
	const char *name = call->args[0];
	g_autofree char *path = g_strconcat("image/", name, NULL);
	g_autoptr(Doc) doc = find_image(call, path, error);
	g_autoptr(GError) refusal = NULL;
	if (!doc)
		return FALSE;
	if (call_check_rev(call, doc->rev, &refusal) && call->plan)
		image_check_unused(&call->services->image, name, &refusal);
	if (call->plan)
		return answer_action_plan(call, g_steal_pointer(&refusal), "image '%s' is deleted", name);
	if (refusal) {
		g_propagate_error(error, g_steal_pointer(&refusal));
		return FALSE;
	}
	gint64 task = submit(call, &image_delete_kind, name, NULL, error);
	return task && answer_task(call, task, NULL);
}

const Route image_routes[] = {
	{"GET", "/images", list_images, "images", PRIVILEGE_IMAGE_READ, SCOPE_ROWS, .query = LIST_QUERY,
	 .answer = ANSWER_LIST, .result = &image_table,
	 .summary_ja = "イメージ"},
	{"POST", "/images", import_image, "import an image", PRIVILEGE_IMAGE_MANAGE, SCOPE_CREATE, .plannable = TRUE,
	 .body = &image_import_table, .answer = ANSWER_TASK,
	 .summary_ja = "イメージの取り込み"},
	{"POST", "/images/build", build_image, "build an image from a recipe", PRIVILEGE_IMAGE_MANAGE, SCOPE_CREATE,
	 .plannable = TRUE, .body = &image_build_table, .answer = ANSWER_TASK,
	 .summary_ja = "レシピからイメージを作る"},
	{"GET", "/recipes", list_recipes, "what images can be built from", PRIVILEGE_NONE, SCOPE_SELF, .query = LIST_QUERY,
	 .answer = ANSWER_LIST, .result = &recipe_table,
	 .summary_ja = "イメージのレシピ"},
	{"GET", "/images/{}", get_image, "an image", PRIVILEGE_IMAGE_READ, SCOPE_IMAGE, .answer = ANSWER_DOCUMENT,
	 .result = &image_table,
	 .summary_ja = "イメージ1つ"},
	{"PATCH", "/images/{}", change_image, "change what is said about an image", PRIVILEGE_IMAGE_MANAGE, SCOPE_IMAGE,
	 .plannable = TRUE, .if_match = TRUE, .body = &image_table, .answer = ANSWER_DOCUMENT, .result = &image_table,
	 .summary_ja = "イメージの説明やOSの変更"},
	{"DELETE", "/images/{}", delete_image, "delete an image", PRIVILEGE_IMAGE_MANAGE, SCOPE_IMAGE,
	 .plannable = TRUE, .if_match = TRUE, .answer = ANSWER_TASK,
	 .summary_ja = "イメージの削除"},
	{NULL},
};
