/* Batches: what one commit will change, gathered by its caller. */
#include "base/error.h"
#include "base/json.h"
#include "store/internal.h"

static void op_clear(gpointer data)
{
	Op *op = data;
	g_free(op->path);
	g_free(op->owned_text);
	if (op->body)
		json_object_put(op->body);
	g_clear_pointer(&op->nonce, g_bytes_unref);
	g_clear_pointer(&op->sealed, g_bytes_unref);
}

Batch *batch_new(const char *author, gint64 task)
{
	Batch *batch = g_new0(Batch, 1);
	batch->author = g_strdup(author ? author : "");
	batch->task = task;
	batch->ops = g_array_new(FALSE, TRUE, sizeof(Op));
	g_array_set_clear_func(batch->ops, op_clear);
	batch->link.data = batch;
	g_mutex_init(&batch->lock);
	g_cond_init(&batch->woken);
	return batch;
}

void batch_free(Batch *batch)
{
	if (!batch)
		return;
	g_array_unref(batch->ops);
	g_clear_error(&batch->error);
	g_cond_clear(&batch->woken);
	g_mutex_clear(&batch->lock);
	g_free(batch->author);
	g_free(batch);
}

void batch_add(Batch *batch, Op op)
{
	g_array_append_val(batch->ops, op);
}

void batch_put(Batch *batch, const char *path, gint64 expected_rev, json_object *body)
{
	batch_add(batch, (Op){.type = OP_PUT,
				 .path = g_strdup(path),
				 .expected_rev = expected_rev,
				 .body = json_object_get(body)});
}

void batch_delete(Batch *batch, const char *path, gint64 expected_rev)
{
	batch_add(batch, (Op){.type = OP_DELETE, .path = g_strdup(path), .expected_rev = expected_rev});
}

gboolean batch_is_empty(const Batch *batch)
{
	return batch->ops->len == 0;
}
