/* unmask sweep: compare models over temperatures and step budgets. */
#include "cli/sweep/sweep.h"

#include "cli/request/model_path.h"
#include "cli/request/open_model.h"
#include "eval/sweep_report.h"

static const char help[] =
    "usage: unmask sweep --model PATH [--model PATH ...] --problems FILE --output DIR [options]\n"
    "\n"
    "Let models solve the same problems at every temperature, and a diffusion model\n"
    "also in fewer steps; show side by side how many each solves, what an answer\n"
    "costs, and which differences are more than chance.  A causal model is written\n"
    "from left to right; a diffusion model in its default way, which decides in each\n"
    "step what it is sure of, and with step budgets that are shares of an answer's\n"
    "length.\n"
    "\n"
    "Every combination is an evaluation as `unmask eval` makes it, in a directory of its own "
    "below\n"
    "DIR; DIR/report.html shows all of them: pass@1 and pass@k over temperature, pass@1 over\n"
    "forwards and over time, what half and quarter steps lose, and paired differences, apart for\n"
    "completion, infilling and chat.  DIR/report.json has the numbers.\n"
    "\n"
    "Stopped or killed at any moment, a sweep continues with the same command, which\n"
    "may ask for more samples, temperatures or budgets.  Under mpirun the problems\n"
    "are split over the processes.\n"
    "\n"
    "  -m, --model PATH       a model directory or GGUF file; once for each model\n"
    "  -o, --output DIR       where all of it is kept\n"
    "      --temperatures LIST\n"
    "                         default: 0,0.2,0.5,0.7,1.0,1.2,1.5\n"
    "      --steps LIST       step budgets of diffusion models, as shares of the\n"
    "                         positions of an answer (default: 1,1/2,1/4), or none\n"
    "  -n, --samples N        samples of each problem (default: 1; always 1 at\n"
    "                         temperature 0)\n" UM_CLI_EVAL_HELP "\n"
    "example: an autoregressive model beside a diffusion model, ten samples of 50 problems a kind\n"
    "  unmask sweep -m models/ar -m models/diffusion --problems problems.jsonl --limit 50 \\\n"
    "      -n 10 --length 80 --infilling-length 32 -o sweep\n"
    "\n"
    "A decoding option applies to every line whose algorithm has it; --algorithm\n"
    "applies to the lines with a step budget (default: entropy).\n";

static um_status report_run(const um_sweep_run *run, um_error *error) {
    static const um_eval_texts texts = {.table = um_sweep_report_text,
                                        .page = um_sweep_report_page};
    const um_eval_request *request = &run->request->eval;
    json_t *report = NULL;
    UM_TRY(um_sweep_report_create(&run->grid, run->reports, &report, error));
    const um_status status =
        um_eval_publish(report, &texts, request->output,
                        request->json ? UM_EVAL_SHOW_JSON : UM_EVAL_SHOW_TABLE, error);
    json_decref(report);
    return status;
}

static int sweep(const um_sweep_request *request) {
    um_error error = {0};
    um_sweep_run made = {.lock_descriptor = -1};
    um_ranks ranks = {0};
    um_status status = um_ranks_start(0, request->eval.output, &ranks, &error);
    if (status == UM_OK) {
        ranks.keeps_all = true;
        status = um_sweep_run_complete(request, &ranks, &made, &error);
    }
    if (status == UM_OK && um_ranks_first(&ranks)) {
        status = report_run(&made, &error);
    }
    um_sweep_run_free(&made);
    return um_ranks_end(&ranks, status, &error);
}

static int run(const um_command *command, int argc, char **argv) {
    static const char *const own[] = {"temperature", "steps"}; /* a sweep has lists of these */
    um_sweep_request request;
    const int code = um_sweep_parse(command, argc, argv, &request);
    if (code == UM_PARSE_HELP) {
        return um_cli_help_with_decoding_but(command, NULL, own, sizeof own / sizeof *own);
    }
    return code == UM_EXIT_OK ? sweep(&request) : code;
}

const um_command um_command_sweep = {.name = "sweep",
                                     .summary = "compare models over temperatures and step budgets",
                                     .help = help,
                                     .run = run};
